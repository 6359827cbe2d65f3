"""What a run can be told, frozen once the command line is understood.

Each field is followed by its unit, its default's reason, or the clause behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FindOptions:
    """How sources are searched for files."""

    follow: bool = False
    """Symbolic links are not followed: a link may lead out of the folder or in a circle."""
    include: tuple[str, ...] = ()
    """Globs on the path below its source; empty: everything."""
    exclude: tuple[str, ...] = ()
    """Globs on the path below its source; wins over include."""
    temp_dir: str | None = None
    """Where a compressed tar is spooled; None: the system's folder."""
    max_archive_members: int = 1_000_000
    """Members of one archive."""
    max_archive_bytes: int = 64 * 1024 * MIB
    """Bytes of one archive when unpacked."""
    max_ratio: int = 200
    """Unpacked bytes for each packed byte, once a member exceeds 1 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How one file is read."""

    allow_truncated: bool = False
    """A file that ends early is half a file: left out unless asked."""
    charset: str | None = None
    """A defined term (PS3.3 C.12.1.1.2) for text whose character set is missing or unknown."""
    max_depth: int = 64
    """Levels of nested sequences."""
    max_items: int = 100_000
    """Items in the sequences that the table keeps."""
    max_value: int = MIB
    """Bytes of one kept value; FHIR strings end at 1 MB (R4 datatypes.html#string)."""
    max_values: int = 1000
    """Values of one attribute: each becomes an element, or a resource, of its own."""
    max_kept: int = 16 * MIB
    """Bytes of all kept values beyond the first 64 KiB of an element at the top."""
    max_inflated: int = 512 * MIB
    """Bytes that a deflated data set may grow to."""
    max_inflate_ratio: int = 200
    """Inflated bytes for each deflated byte, once past 1 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOptions:
    """How a study becomes FHIR resources."""

    fhir: str = "R4"
    """R4 or R4B; both have the same resources here."""
    timezone: str | None = None
    """IANA name for dates without an offset; None: such times become dates."""
    patient: str | None = None
    """A reference that stands for every patient (`Patient/123`)."""
    patient_id_system: str | None = None
    """Identifier system of Patient IDs without an issuer."""
    accession_system: str | None = None
    """Identifier system of accession numbers without an issuer."""
    issuers: Mapping[str, str] = field(default_factory=dict)
    """Issuer text or namespace as DICOM states it, to identifier system."""
    id_salt: bytes | None = None
    """Key for the ids of patients without an identifier system; None: plain UUIDv5."""
    dicomweb: str | None = None
    """Service base for Endpoints, without a trailing slash and without `/studies`."""
    dicom: str = "none"
    """Where the bytes go: none or link."""
    provenance: bool = False
    """One Provenance a Bundle."""
    timestamp: str | None = None
    """FHIR instant for Provenance.recorded."""
    tags: tuple[str, ...] = ()
    """`system|code` for meta.tag."""
    security_labels: tuple[str, ...] = ()
    """`system|code` for meta.security."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions:
    """How resources become Bundles."""

    ids: str = "client"
    """client: PUT by our id; server: conditional requests on our identifier."""
    max_entries: int | None = None
    """Entries of one Bundle."""
    max_bytes: int | None = None
    """Bytes of one Bundle as written."""
    max_resource_bytes: int | None = None
    """Bytes of one resource as written."""
    max_conditional_entries: int | None = None
    """Entries of one Bundle once one of them is conditional (Medplum: 8)."""
    max_updates: int | None = None
    """PUT entries of one Bundle (Medplum: 50)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """Where Bundles go and in what form."""

    path: str | None = None
    """A folder, `x.json`, `x.ndjson`, `.gz` of these, `-` for stdout; None: nothing is written."""
    overwrite: str = "changed"
    """changed, always or never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that one conversion run is told."""

    sources: tuple[str, ...] = ()
    null_separated: bool = False
    """Paths on stdin end with NUL, not a line feed."""
    find: FindOptions = field(default_factory=FindOptions)
    read: ReadOptions = field(default_factory=ReadOptions)
    map: MapOptions = field(default_factory=MapOptions)
    bundle: BundleOptions = field(default_factory=BundleOptions)
    output: OutputOptions = field(default_factory=OutputOptions)
    where: tuple[tuple[str, str], ...] = ()
    """Keyword and value that an instance must have, such as Modality and CT."""
    check: str = "full"
    """full, fast or off."""
    media: str = "none"
    """Renders; none until images come."""
    keep_rejected: bool = False
    """Instances that a rejection note withdraws are left out unless asked."""
    state: str | None = None
    """Folder that remembers files between runs; None: nothing is remembered."""
    workers: int | None = None
    """Processes; None: as many as the work pays for, up to the cores."""
    dry_run: bool = False
    """Everything but writing."""
    fail_on: str = "error"
    """The severity from which the exit code is 1: error, warning or never."""
