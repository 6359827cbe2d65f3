"""The options of speaking to a server. Secrets come from files, the environment or a command."""

from __future__ import annotations

from typing import Annotated

import typer

from dicom2fhir.cli.parameters import OUTPUT, Texts, choice, option

SERVER = "Server"
OTHER = "DICOMweb server"
STOW = "DICOMweb server that takes the files"

ALGORITHM_CHOICES = ("RS384", "ES384")

# The FHIR server
TokenFile = Annotated[
    str | None, option("--token-file", group=SERVER, metavar="FILE", text="File of a bearer token.")
]
TokenEnv = Annotated[
    str | None,
    option(
        "--token-env", group=SERVER, metavar="NAME", text="Environment variable of a bearer token."
    ),
]
TokenCommand = Annotated[
    str | None,
    option(
        "--token-command",
        group=SERVER,
        metavar="COMMAND",
        text="Command that prints a bearer token.",
    ),
]
User = Annotated[
    str | None, option("--user", group=SERVER, metavar="NAME", text="User of basic authentication.")
]
PasswordFile = Annotated[
    str | None,
    option("--password-file", group=SERVER, metavar="FILE", text="File of the user's password."),
]
ClientId = Annotated[
    str | None,
    option("--client-id", group=SERVER, metavar="ID", text="Client of OAuth 2 or SMART Backend."),
]
ClientSecretFile = Annotated[
    str | None,
    option(
        "--client-secret-file",
        group=SERVER,
        metavar="FILE",
        text="File of the client's secret: OAuth 2 client credentials.",
    ),
]
KeyFile = Annotated[
    str | None,
    option(
        "--key-file",
        group=SERVER,
        metavar="FILE",
        text="Private key, PEM or JWK: SMART Backend Services.",
    ),
]
KeyAlgorithm = Annotated[
    str,
    choice(
        "--key-algorithm",
        group=SERVER,
        choices=ALGORITHM_CHOICES,
        text="How the key signs.",
    ),
]
TokenUrl = Annotated[
    str | None,
    option(
        "--token-url",
        group=SERVER,
        metavar="URL",
        text="Where tokens come from.  [default: as the server's smart-configuration says]",
    ),
]
Scope = Annotated[
    str | None,
    option("--scope", group=SERVER, metavar="SCOPE", text="Rights to ask for with OAuth 2."),
]
AllowHttp = Annotated[
    bool,
    option(
        "--allow-http",
        group=SERVER,
        text="Allow plain http to other machines: patient data can be read on the way.",
    ),
]
UseProxyEnv = Annotated[
    bool,
    option("--use-proxy-env", group=SERVER, text="Use the proxies that the environment names."),
]
CaFile = Annotated[
    str | None,
    option("--ca-file", group=SERVER, metavar="FILE", text="Certificates to trust as well, PEM."),
]
ClientCertificate = Annotated[
    str | None,
    option(
        "--client-certificate",
        group=SERVER,
        metavar="FILE",
        text="Our certificate, PEM: mutual TLS.",
    ),
]
ClientKey = Annotated[
    str | None,
    option(
        "--client-key",
        group=SERVER,
        metavar="FILE",
        text="Key of our certificate, where the file of the certificate does not hold it.",
    ),
]
Timeout = Annotated[
    str | None,
    option(
        "--timeout",
        group=SERVER,
        metavar="SECONDS",
        text="Time of one request; long files may take longer.  [default: 300]",
    ),
]

# A DICOMweb server beside it
DicomWebTokenFile = Annotated[
    str | None,
    option("--dicomweb-token-file", group=OTHER, metavar="FILE", text="File of a bearer token."),
]
DicomWebTokenEnv = Annotated[
    str | None,
    option(
        "--dicomweb-token-env",
        group=OTHER,
        metavar="NAME",
        text="Environment variable of a bearer token.",
    ),
]
DicomWebTokenCommand = Annotated[
    str | None,
    option(
        "--dicomweb-token-command",
        group=OTHER,
        metavar="COMMAND",
        text="Command that prints a bearer token.",
    ),
]
DicomWebUser = Annotated[
    str | None,
    option("--dicomweb-user", group=OTHER, metavar="NAME", text="User of basic authentication."),
]
DicomWebPasswordFile = Annotated[
    str | None,
    option(
        "--dicomweb-password-file",
        group=OTHER,
        metavar="FILE",
        text="File of the user's password.",
    ),
]

# The DICOMweb server that takes the files
Stow = Annotated[
    str | None,
    option(
        "--stow",
        group=STOW,
        metavar="URL",
        text="Send the DICOM files to this DICOMweb server (STOW-RS); unless --dicomweb says "
        "otherwise, it is the one that Endpoints name.",
    ),
]
StowTokenFile = Annotated[
    str | None,
    option("--stow-token-file", group=STOW, metavar="FILE", text="File of a bearer token."),
]
StowTokenEnv = Annotated[
    str | None,
    option(
        "--stow-token-env",
        group=STOW,
        metavar="NAME",
        text="Environment variable of a bearer token.",
    ),
]
StowTokenCommand = Annotated[
    str | None,
    option(
        "--stow-token-command",
        group=STOW,
        metavar="COMMAND",
        text="Command that prints a bearer token.",
    ),
]
StowUser = Annotated[
    str | None,
    option("--stow-user", group=STOW, metavar="NAME", text="User of basic authentication."),
]
StowPasswordFile = Annotated[
    str | None,
    option("--stow-password-file", group=STOW, metavar="FILE", text="File of the user's password."),
]

# fetch
References = Annotated[
    Texts,
    typer.Argument(
        metavar="REF",
        help="ImagingStudy/ID or the ID alone; Patient/ID; or study-uid:FILE, accession:FILE, "
        "patient:FILE with a value a line ([system|]value), - for standard input.",
        rich_help_panel="Arguments",
        show_default=False,
    ),
]
From = Annotated[
    str | None, option("--from", group=SERVER, metavar="URL", text="Base of the FHIR server.")
]
FetchDicomWeb = Annotated[
    str | None,
    option(
        "--dicomweb",
        group=OTHER,
        metavar="URL",
        text="Ask this DICOMweb server for what is no Binary.  [default: those that the Endpoints "
        "of a study name]",
    ),
]
Folder = Annotated[
    str | None,
    option(
        "-o",
        "--output",
        group=OUTPUT,
        metavar="DIR",
        text="Folder for STUDY/SERIES/INSTANCE.dcm, named by their UIDs.",
    ),
]
Renders = Annotated[
    bool, option("--renders", group=OUTPUT, text="Fetch the pictures and videos of Media, too.")
]
Verify = Annotated[
    bool,
    option(
        "--verify",
        group=OUTPUT,
        text="Read everything back from the disk, and fetch again what no SHA-256 proves.",
    ),
]
ListOnly = Annotated[
    bool, option("--dry-run", group=OUTPUT, text="List the files and where they are; fetch none.")
]
FetchJobs = Annotated[
    str | None,
    option("--jobs", group=OUTPUT, metavar="N", text="Files fetched at a time.  [default: 4]"),
]
