"""From arguments to PushOptions: how Bundles are brought to a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.cli import parameters, values
from dicom2fhir.cli.push_parameters import IDS_CHOICES, SHRINK_CHOICES, VERIFY_CHOICES
from dicom2fhir.cli.server_options import server_options
from dicom2fhir.options import PushOptions

if TYPE_CHECKING:
    from dicom2fhir.cli.arguments import Arguments


def push_options(arguments: Arguments) -> PushOptions | None:
    """Return how Bundles are sent; None where no server is named.

    Errors: UsageError, ConfigError
    """
    server = server_options(arguments, "to")
    if server is None:
        return None
    usual = PushOptions(server=server)
    chosen = None
    if arguments.text("ids") is not None and not arguments.is_default("ids"):
        chosen = arguments.choice("ids", IDS_CHOICES)
    above = arguments.parsed("binary_raw_above", values.byte_limit)
    return PushOptions(
        server=server,
        ids=chosen,
        jobs=arguments.parsed("jobs", values.whole_number) or usual.jobs,
        binary_raw_above=usual.binary_raw_above if above is None else above,
        verify=arguments.choice("verify", VERIFY_CHOICES),
        on_shrink=arguments.choice("on_shrink", SHRINK_CHOICES),
        replace_bytes=arguments.flag("replace_bytes"),
        state=arguments.text("state"),
        retry_dead=arguments.flag("retry_dead"),
        sources=arguments.texts("bundles"),
        binaries=arguments.text("binaries"),
        temp_dir=arguments.text("temp_dir"),
        fail_on=arguments.choice("fail_on", parameters.FAIL_ON_CHOICES),
    )
