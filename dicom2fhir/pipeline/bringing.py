"""One file of a study, brought to its place and judged on the way."""

from __future__ import annotations

from base64 import b64decode
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dicom2fhir.deliver.server.dicomweb import DamagedReplyError, StatusError
from dicom2fhir.deliver.server.exchange import (
    CredentialsError,
    Fault,
    NoReplyError,
    RedirectedError,
    Reply,
)
from dicom2fhir.deliver.server.fetching import NowhereError
from dicom2fhir.deliver.server.judging import Action, judge_reply
from dicom2fhir.deliver.server.replies import told
from dicom2fhir.deliver.server.sources import GivenUpError
from dicom2fhir.model import Candidate
from dicom2fhir.options import ReadOptions
from dicom2fhir.pipeline.reading import read_candidate
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dicom2fhir.deliver.server.dicomweb import Place
    from dicom2fhir.deliver.server.fetching import Fetcher, Way
    from dicom2fhir.deliver.server.listing import ListedInstance, ListedStudy
    from dicom2fhir.deliver.server.media import Render
    from dicom2fhir.deliver.tree import NewFile, Tree

AS_IT_IS: Final = ReadOptions(allow_truncated=True)
"""What was stored comes back as it was, truncated or not."""
_NOT_HERE: Final = {404, 410, 501}
"""What the FHIR server answers where another way may still lead to the bytes."""
_DENIED: Final = {401, 403}


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRow:
    """One file as `--dry-run` lists it: where it would be, and the first way to its bytes."""

    path: str
    way: str
    sha256: str = ""


@dataclass(slots=True, kw_only=True)
class Arrival:
    """What became of one file; the first three are 0 or 1."""

    path: str
    fetched: int = 0
    unchanged: int = 0
    failed: int = 0
    bytes: int = 0
    interrupted: bool = False
    """The FHIR server could not give it now: it may come another time."""
    denied: int = 0
    """The status with which the FHIR server refused us: 401, 403 or a redirect."""
    problems: list[Problem] = field(default_factory=list)
    row: FetchRow | None = None
    """Where it was only to be listed."""

    def fail(self, code: str, detail: str = "") -> None:
        """Note why the file is not where it belongs."""
        self.failed = 1
        self.problems.append(Problem(code=code, detail=detail))


class Bringer:
    """Brings files into a tree; threads may share it for different paths."""

    def __init__(self, fetcher: Fetcher, tree: Tree, *, verify: bool) -> None:
        self._fetcher = fetcher
        self._tree = tree
        self._verify = verify
        self._written: dict[str, str] = {}
        """Digest by path of what is in its place; studies may overlap."""

    @property
    def there(self) -> int:
        """Return how many files are in their place, those of earlier runs too."""
        return len(self._written)

    def bring(self, path: str, instance: ListedInstance, study: ListedStudy) -> Arrival:
        """Bring the file of an instance, unless an earlier run has brought this very one.

        Errors: those of the client; OutputError
        """
        arrival = Arrival(path=path)
        if self._is_there(path, instance):
            arrival.unchanged = 1
            return arrival
        ways = self._fetcher.ways(instance, study)
        if not ways:
            arrival.fail(nowhere(self._fetcher, instance, study))
            return arrival
        with self._receive(arrival, ways) as file:
            if file is not None and self._accept(arrival, file, instance):
                self._keep(arrival, file)
        return arrival

    def bring_render(self, render: Render) -> Arrival:
        """Bring the file of a render.

        Errors: as `bring`
        """
        arrival = Arrival(path=render.path)
        expected = b64decode(render.sha1).hex() if render.sha1 else ""
        if expected and self._tree.digest(render.path, "sha1") == expected:
            self._written[render.path] = expected
            arrival.unchanged = 1
            return arrival
        ways = [self._fetcher.way_to_attachment(render.attachment)]
        with self._receive(arrival, ways, "sha1") as file:
            if file is not None and expected and file.digest != expected:
                arrival.fail("fetch.differs")
            elif file is not None:
                self._keep(arrival, file, "sha1")
        return arrival

    def _is_there(self, path: str, instance: ListedInstance) -> bool:
        digest = self._tree.digest(path)
        if digest is None:
            return False
        if instance.sha256:
            same = digest == instance.sha256
        else:
            # A file takes its place only whole: what it holds tells which it is.
            same = not self._verify and _is_instance(self._tree.path(path), instance.place)
        if same:
            self._written[path] = digest
        return same

    @contextmanager
    def _receive(
        self, arrival: Arrival, ways: Sequence[Way], algorithm: str = "sha256"
    ) -> Iterator[NewFile | None]:
        """Give the file that came, by the first way that has it; None, with a Problem, if none."""
        if self._tree.is_blocked(arrival.path):
            arrival.fail("deliver.foreign")
            yield None
            return
        with self._tree.open(arrival.path, algorithm) as file:
            refusal = _take_first(file, ways)
            if refusal is None:
                yield file
                return
        arrival.fail(refusal.code, refusal.detail)
        arrival.interrupted, arrival.denied = refusal.later, refusal.denied
        yield None

    def _accept(self, arrival: Arrival, file: NewFile, instance: ListedInstance) -> bool:
        """Tell whether what came is what was asked for, and no other study's."""
        proven = bool(instance.sha256)
        look = not proven or self._verify
        if proven and file.digest != instance.sha256:
            arrival.fail("fetch.differs")
        elif look and not _is_instance(file.path, instance.place):
            arrival.fail("fetch.wrong-instance")
        elif self._written.get(arrival.path, file.digest) != file.digest:
            arrival.fail("fetch.name-taken")
        elif not proven:
            arrival.problems.append(Problem(code="fetch.unproven"))
        return not arrival.failed

    def _keep(self, arrival: Arrival, file: NewFile, algorithm: str = "sha256") -> None:
        digest, size = file.digest, file.size
        file.keep()
        if self._verify and self._tree.digest(arrival.path, algorithm) != digest:
            arrival.fail("fetch.damaged")
            return
        self._written[arrival.path] = digest
        arrival.fetched = 1
        arrival.bytes = size


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """Why a way did not lead to a file; `goes_on` tells that the next one may."""

    code: str
    detail: str = ""
    goes_on: bool = False
    later: bool = False
    denied: int = 0


class _Attempt:
    """One way to a file, tried from its beginning each time."""

    def __init__(self, file: NewFile, way: Way) -> None:
        self.code = ""
        self._file = file
        self._way = way

    def __call__(self) -> Reply:
        self.code = ""
        self._file.restart()
        try:
            with self._way.open() as chunks:
                for chunk in chunks:
                    self._file.write(chunk)
        except NowhereError:
            self.code = "fetch.nowhere"
        except DamagedReplyError:
            self.code = "fetch.damaged"
        except (StatusError, RedirectedError, CredentialsError) as fault:
            if fault.reply is None:
                raise
            return fault.reply
        return Reply(status=200)


def _take_first(file: NewFile, ways: Sequence[Way]) -> _Refusal | None:
    """Take way after way while the next one may lead to the file; None where it came."""
    refusal: _Refusal | None = None
    for way in ways:
        refusal = _take(file, way)
        if refusal is None or not refusal.goes_on:
            break
    return refusal


def _take(file: NewFile, way: Way) -> _Refusal | None:
    """Take a way to a file, trying more than once; None where it came."""
    attempt = _Attempt(file, way)
    try:
        reply = way.source.repeat(attempt)
    except GivenUpError as gone:
        code = "fetch.place-refused" if gone.refuses else "fetch.place-unreachable"
        return _Refusal(code=code, detail=gone.code, goes_on=True)
    except NoReplyError as fault:
        if fault.fault in {Fault.CONNECT, Fault.ABORTED}:
            raise
        if way.source.is_elsewhere:
            return _Refusal(code="fetch.place-unreachable", detail=fault.fault.value, goes_on=True)
        return _Refusal(code="fetch.refused", detail=fault.fault.value, later=True)
    if attempt.code:
        return _Refusal(code=attempt.code, goes_on=attempt.code == "fetch.nowhere")
    return None if reply.is_success else _judge_refusal(reply, is_elsewhere=way.source.is_elsewhere)


def _judge_refusal(reply: Reply, *, is_elsewhere: bool) -> _Refusal:
    detail = told(reply, f"HTTP {reply.status}")
    later = judge_reply(reply) is Action.RETRY
    if is_elsewhere:
        code = "fetch.place-unreachable" if later else "fetch.place-refused"
        return _Refusal(code=code, detail=detail, goes_on=True)
    is_denied = reply.status in _DENIED or 300 <= reply.status < 400  # noqa: PLR2004 - 3xx
    return _Refusal(
        code="fetch.refused",
        detail=detail,
        goes_on=reply.status in _NOT_HERE,
        later=later,
        denied=reply.status if is_denied else 0,
    )


def nowhere(fetcher: Fetcher, instance: ListedInstance, study: ListedStudy) -> str:
    """Return the code of an instance to which no way leads."""
    return "fetch.no-address" if fetcher.lacks_address(instance, study) else "fetch.nowhere"


def _is_instance(path: str, place: Place) -> bool:
    instance, _ = read_candidate(Candidate(path=path), AS_IT_IS)
    if instance is None:
        return False
    found = (instance.study_uid, instance.series_uid, instance.sop_instance_uid)
    return found == tuple(place)
