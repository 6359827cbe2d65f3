"""From what a user names to candidates: each file once, whatever the way it was named."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, BinaryIO, Self

from dicom2fhir.errors import UsageError
from dicom2fhir.find.dicomdir import check_dicomdir
from dicom2fhir.find.listing import Named, read_paths
from dicom2fhir.find.patterns import Glob, PathFilter, is_glob
from dicom2fhir.find.walk import Finding, Walker, failure, judge
from dicom2fhir.model import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dicom2fhir.find.archive import Archives
    from dicom2fhir.options import FindOptions

STDIN = "-"

_LEADING = re.compile(r"(?:\.?/)*")
_DICOMDIR = "dicomdir"
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".tbz", ".tbz2", ".bz2", ".txz", ".xz")
_SPECIAL = (*_ARCHIVES, _DICOMDIR)


class Finder:
    """Finds candidates below sources; what it unpacks lives until it is closed.

    DICOM is recognised by content, which is the reader's work. Looking for archives by content
    would open each file once more, so files found by walking are looked into only when their name
    is that of an archive; files that are named as a source or in a list always are. An archive in
    an archive is not opened.
    """

    def __init__(self, options: FindOptions, outs: Sequence[str] = ()) -> None:
        self._options = options
        self._outs = outs
        self._wanted = PathFilter.of(options.include, options.exclude)
        self._opened: Archives | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary files; candidates that lie in them cannot be opened any more."""
        if self._opened is not None:
            self._opened.close()

    @property
    def _archives(self) -> Archives:
        if self._opened is None:
            # Most runs meet no archive, and what unpacks them takes a while to import.
            from dicom2fhir.find.archive import Archives  # noqa: PLC0415

            self._opened = Archives(self._options, self._wanted)
        return self._opened

    def find(
        self,
        sources: Sequence[str],
        *,
        listing: BinaryIO | None = None,
        null_separated: bool = False,
    ) -> Iterator[Finding]:
        """Yield what lies below the sources: folders, files, archives, globs and `-`, a list.

        A place that cannot be used comes with its Problem. A DICOMDIR comes as a candidate, and
        once more with each Problem that comparing it with its folder gives.
        Errors: UsageError, at once, when a source does not exist, and later for no list of paths
        """
        self._named = Named(self._outs)
        self._walker = Walker(self._wanted, follow=self._options.follow)
        plain = []
        globs = []
        for source in sources:
            if source == STDIN:
                if listing is None:
                    raise UsageError("A list of paths on stdin was asked for and there is none.")
            elif is_glob(source) and not os.path.lexists(source):
                globs.append(self._glob(source))
            else:
                _refuse_missing(source)
                plain.append(source)
        lists = listing if STDIN in sources else None
        return self._find(plain, globs, lists, null_separated=null_separated)

    def met_out(self) -> bool:
        """Tell whether a place that output goes to lies in what was searched, or holds a source.

        To be asked when all is found: lists and links tell only then where they lead.
        """
        return self._named.touches_out or any(
            self._named.covers(out) or self._walker.entered_above(out) for out in self._outs
        )

    def _glob(self, pattern: str) -> Glob:
        glob = Glob(pattern, follow=self._options.follow)
        first = next(iter(glob), None)
        if first is None or not os.path.lexists(first):
            raise UsageError("Nothing matches the pattern.", hint="Check the path and the pattern.")
        return glob

    def _find(
        self,
        plain: Sequence[str],
        globs: Sequence[Glob],
        listing: BinaryIO | None,
        *,
        null_separated: bool,
    ) -> Iterator[Finding]:
        for source in self._outermost(plain):
            is_folder = os.path.isdir(source)
            prefix = os.path.join(source, "") if is_folder else source[: -len(_name(source))]
            yield from self._find_in(source, len(prefix), follow=True)
        for glob in globs:
            for path in glob:
                yield from self._find_once(path, len(glob.base))
        if listing is not None:
            for path in read_paths(listing, null_separated=null_separated):
                yield from self._find_once(path, _prefix_length(path))

    def _outermost(self, sources: Sequence[str]) -> list[str]:
        """Return the sources without repetitions and without what lies in another source."""
        outermost = []
        for real, source in sorted(
            ((os.path.realpath(source), source) for source in sources),
            key=lambda pair: len(pair[0]),
        ):
            if not self._named.covers(real):
                outermost.append(source)
                self._named.add(real, is_folder=os.path.isdir(real))
        return outermost

    def _find_once(self, path: str, skip: int) -> Iterator[Finding]:
        """Find what a path of a list or a glob stands for, unless it was found already."""
        if self._named.covers(path) or self._wanted.excludes(f"{path[skip:]}/"):
            return
        yield from self._find_in(path, skip, follow=self._options.follow, known=self._named)

    def _find_in(
        self, path: str, skip: int, *, follow: bool, known: Named | None = None
    ) -> Iterator[Finding]:
        try:
            status = os.stat(path) if follow else os.lstat(path)
        except OSError as error:
            yield failure(path, error, absent="find.missing")
            return
        is_folder = stat.S_ISDIR(status.st_mode)
        self._named.add(path, is_folder=is_folder)
        if not is_folder:
            finding = judge(path, status, linked=follow and os.path.islink(path))
            yield from self._admit(finding, skip)
            return
        accepts = self._wanted.accepts if self._wanted.include is not None else None
        for finding in self._walker.walk(path, skip, known):
            if not isinstance(finding, Candidate):
                yield finding
            elif finding.path.lower().endswith(_SPECIAL):
                yield from self._admit_special(finding, skip)
            elif accepts is None or accepts(finding.path[skip:]):
                yield finding

    def _admit(self, finding: Finding, skip: int) -> Iterator[Finding]:
        """Yield what a file that was named stands for."""
        if not isinstance(finding, Candidate):
            yield finding
        elif not self._wanted.excludes(relative := finding.path[skip:]):
            yield from self._archives.look_into(finding, relative)

    def _admit_special(self, candidate: Candidate, skip: int) -> Iterator[Finding]:
        """Yield what a file stands for whose name says archive or DICOMDIR."""
        relative = candidate.path[skip:]
        if candidate.path.lower().endswith(_ARCHIVES):
            yield from self._archives.look_into(candidate, relative)
        elif self._wanted.accepts(relative):
            yield candidate
            if _name(candidate.path).lower() == _DICOMDIR:
                for problem in check_dicomdir(candidate):
                    yield candidate, problem


def _name(path: str) -> str:
    return os.path.basename(path)


def _prefix_length(path: str) -> int:
    """Return how many characters of a listed path only lead to the folder it starts from."""
    start = _LEADING.match(path)
    return start.end() if start else 0


def _refuse_missing(source: str) -> None:
    try:
        os.stat(source)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            "A file or folder that was named does not exist.", hint="Check the path for a slip."
        ) from None
    except OSError:
        return  # it is there and cannot be read: a Problem when it is found
