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
    dicom: str = "binary"
    """Where the bytes go: binary, link, attachment or none."""
    fhir_base: str | None = None
    """FHIR base URL of the server that will hold the Binaries, without a trailing slash."""
    inline_below: int = 32 * 1024
    """Bytes; shorter renders and documents stand in their resource, longer ones in a Binary."""
    binaries: bool = True
    """Renders and documents may be Binaries: not where the server chooses ids, for a second run
    could not find a Binary again (R4 binary.html: no search parameters)."""
    max_attachment: int = 1_000_000
    """Bytes of all files of a study that may stand in its ImagingStudy (dicom attachment)."""
    provenance: bool = False
    """One Provenance a Bundle."""
    timestamp: str | None = None
    """FHIR instant for Provenance.recorded."""
    observations: str = "all"
    """all or none: whether structured reports become Observations and DiagnosticReports."""
    sr_status: str = "stated"
    """stated or final: unverified reports are preliminary unless a site says otherwise."""
    vitals: bool = False
    """Size, weight and dose of the header are reported by somebody, not measured by the image."""
    waveforms: bool = False
    """Channels of waveforms as Observations: large, and the file itself travels anyway."""
    tags: tuple[str, ...] = ()
    """`system|code` for meta.tag."""
    security_labels: tuple[str, ...] = ()
    """`system|code` for meta.security."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """How structured reports are read."""

    dose: str = "all"
    """all, events or summary: what of a dose report becomes Observations."""
    max_depth: int = 64
    """Levels of a content tree, 128 at the most; the deepest real one had 5."""
    max_items: int = 100_000
    """Content items of one report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """Which images are rendered, and how."""

    media: str = "series"
    """series, instance, frame or none."""
    format: str = "jpeg"
    """jpeg or png."""
    size: int = 1024
    """Pixels of the longest side; smaller images stay as they are."""
    quality: int = 90
    """Of JPEG, 1 to 100; 90 shows no artefacts at this size and half the bytes of 95."""
    window: str = "file"
    """file, the number of a window of the file, `center,width`, or auto."""
    burned_in: bool = False
    """Images with BurnedInAnnotation YES show names: not rendered unless asked."""
    labels: bool = False
    """Label images of slides may show names: not rendered unless asked."""
    thumbnails: bool = False
    """A thumbnail of each series for the report, whatever `media` says."""


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
class AuthOptions:
    """How a server knows us. Secrets come from files, the environment or a command."""

    kind: str = "none"
    """none, bearer, basic, client-credentials or smart-backend."""
    token_file: str | None = None
    token_env: str | None = None
    """Name of the variable."""
    token_command: str | None = None
    """Run by the shell; its standard output is the token."""
    user: str | None = None
    password_file: str | None = None
    client_id: str | None = None
    client_secret_file: str | None = None
    token_url: str | None = None
    """None: as `.well-known/smart-configuration` of the server says."""
    key_file: str | None = None
    """Private key (PEM or JWK) of SMART Backend Services."""
    algorithm: str = "RS384"
    """RS384 or ES384 (SMART App Launch 2.2, backend services)."""
    scope: str = "system/*.cruds"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How a FHIR or DICOMweb server is spoken to."""

    base: str = ""
    """Base URL without a trailing slash, user or query."""
    auth: AuthOptions = field(default_factory=AuthOptions)
    allow_http: bool = False
    """Plain http to other hosts than this one: patient data could be read on the way."""
    use_proxy_env: bool = False
    """Proxies of the environment are asked for, never assumed."""
    ca_file: str | None = None
    client_certificate: str | None = None
    """PEM file of mutual TLS, its key in `client_key` or in itself."""
    client_key: str | None = None
    connect_seconds: float = 10.0
    idle_seconds: float = 60.0
    total_seconds: float = 300.0
    """Of one request, by our own clock: a server that drips bytes never idles."""
    max_reply: int = 64 * MIB
    """Bytes of a reply after decompression; reading a Binary is not bound by it."""
    retry_seconds: float = 600.0
    retry_tries: int = 8
    """Of one Bundle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """How Bundles are brought to a server."""

    server: ServerOptions
    ids: str | None = None
    """client or server; None: as the server's CapabilityStatement allows."""
    jobs: int = 2
    """Studies sent at a time, and Binaries that go by themselves."""
    binary_raw_above: int = 1_000_000
    """Bytes; larger Binaries go as they are, not as base64 in a Bundle."""
    verify: str = "sample"
    """Binaries read back and compared: sample, all or none."""
    on_shrink: str = "merge"
    """merge, fail or replace, where the server lists instances that we do not have."""
    replace_bytes: bool = False
    """A Binary whose bytes differ on the server is kept there unless asked."""
    state: str | None = None
    """Folder of the outbox; None: a temporary one."""
    retry_dead: bool = False
    sources: tuple[str, ...] = ()
    """Bundle files, folders of them, or `-`."""
    binaries: str | None = None
    """The folder with the bytes of Binaries that `convert --raw-dir` wrote, or its list."""
    temp_dir: str | None = None
    """Where Bundles are unpacked; None: the system's folder."""
    fail_on: str = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Studies to fetch: an id of an ImagingStudy, or a value to search by."""

    kind: str
    """id, study-uid, accession or patient."""
    value: str = field(repr=False)
    """With `system|` before it where that is known; of a patient also `Patient/<id>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """What is brought back from a server, and where to."""

    server: ServerOptions
    wanted: tuple[Wanted, ...] = ()
    dicomweb: ServerOptions | None = None
    """A DICOMweb server to ask before those that Endpoints name."""
    path: str | None = None
    """A folder; None: only with `dry_run`."""
    renders: bool = False
    """Media too."""
    verify: bool = False
    """What is there without a SHA-256 to go by is fetched again; all is read back and compared."""
    dry_run: bool = False
    jobs: int = 4
    """Files at a time."""
    fail_on: str = "error"


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
    render: RenderOptions = field(default_factory=RenderOptions)
    report: ReportOptions = field(default_factory=ReportOptions)
    zero_preamble: bool = False
    """The preamble of DICOM files may hold anything (PS3.10 7.1): left as it is unless asked."""
    raw_dir: str | None = None
    """Folder for the bytes of Binaries beside the Bundles; None: they stand in the Bundles."""
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
    stow: ServerOptions | None = None
    """A DICOMweb server that the DICOM files themselves are sent to."""
    push: PushOptions | None = None
    """The server that the Bundles go to; None: to none."""
