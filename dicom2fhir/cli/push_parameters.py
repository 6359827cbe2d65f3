"""The options of sending Bundles to a server, each declared once."""

from __future__ import annotations

from typing import Annotated

from dicom2fhir.cli.parameters import RUN, choice, option

SENDING = "Sending"

IDS_CHOICES = ("client", "server")
VERIFY_CHOICES = ("sample", "all", "none")
SHRINK_CHOICES = ("merge", "fail", "replace")

To = Annotated[
    str | None,
    option("--to", group=SENDING, metavar="URL", text="Base of the FHIR server to send to."),
]
Ids = Annotated[
    str | None,
    choice(
        "--ids",
        group=SENDING,
        choices=IDS_CHOICES,
        text="Who chooses the ids.  [default: what the server can do]",
    ),
]
Jobs = Annotated[
    str | None,
    option(
        "--jobs",
        group=SENDING,
        metavar="N",
        text="Studies, or Binaries, sent at a time.  [default: 2]",
    ),
]
Binaries = Annotated[
    str | None,
    option(
        "--binaries",
        group=SENDING,
        metavar="DIR",
        text="Folder with the bytes of Binaries that convert --raw-dir wrote, or its"
        " binaries.ndjson.",
    ),
]
BinaryRawAbove = Annotated[
    str | None,
    option(
        "--binary-raw-above",
        group=SENDING,
        metavar="SIZE",
        text="Larger Binaries go as they are, not as base64 in a Bundle.  [default: 1M]",
    ),
]
Verify = Annotated[
    str,
    choice(
        "--verify",
        group=SENDING,
        choices=VERIFY_CHOICES,
        text="Which of the Binaries that go as they are to read back and compare.",
    ),
]
OnShrink = Annotated[
    str,
    choice(
        "--on-shrink",
        group=SENDING,
        choices=SHRINK_CHOICES,
        text="What to do where the server lists instances of a study that are not here.",
    ),
]
ReplaceBytes = Annotated[
    bool,
    option(
        "--replace-bytes",
        group=SENDING,
        text="Write our bytes where the server has others for the same instance.",
    ),
]
RetryDead = Annotated[
    bool,
    option(
        "--retry-dead",
        group=SENDING,
        text="Send again what the server has refused before, or may have.",
    ),
]
Dead = Annotated[
    bool,
    option(
        "--dead",
        group=SENDING,
        text="List what the server has refused, or may have, and send nothing.",
    ),
]
PushState = Annotated[
    str | None,
    option(
        "--state",
        group=RUN,
        metavar="DIR",
        text="Folder that remembers what was delivered, so that a later run sends only the rest.",
    ),
]
