"""From arguments to Options: the one place that knows which option fills which field."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from dicom2fhir.cli import content_parameters, parameters, values
from dicom2fhir.cli import measurement_parameters as measurements
from dicom2fhir.cli.push_options import push_options
from dicom2fhir.cli.server_options import dicomweb_options
from dicom2fhir.errors import ConfigError
from dicom2fhir.options import (
    BundleOptions,
    FindOptions,
    MapOptions,
    Options,
    OutputOptions,
    ReadOptions,
    RenderOptions,
    ReportOptions,
)

if TYPE_CHECKING:
    from dicom2fhir.cli.arguments import Arguments


def input_options(arguments: Arguments) -> Options:
    """Return the options of reading, as `inspect` has them."""
    return Options(
        sources=arguments.texts("sources"),
        null_separated=arguments.flag("null"),
        find=_find_options(arguments),
        read=_read_options(arguments),
        where=arguments.all_parsed("where", values.condition),
        keep_rejected=arguments.flag("keep_rejected"),
        workers=arguments.parsed("workers", values.whole_number),
        fail_on=arguments.choice("fail_on", parameters.FAIL_ON_CHOICES),
    )


def conversion_options(arguments: Arguments, output: str | None) -> Options:
    """Return the options of a whole conversion into this output.

    Errors: UsageError or ConfigError for what cannot be done as asked
    """
    read = input_options(arguments)
    bundle = _bundle_options(arguments)
    raw_dir = arguments.text("raw_dir")
    mapped = replace(map_options(arguments), binaries=bundle.ids == "client" or raw_dir is not None)
    push = push_options(arguments)
    stow = dicomweb_options(arguments, "stow")
    if push is not None:
        # The server's own way to choose ids is found out when it is asked; Bundles have ours.
        bundle = replace(bundle, ids="client")
        mapped = replace(mapped, binaries=True, fhir_base=mapped.fhir_base or push.server.base)
    return Options(
        sources=read.sources,
        null_separated=read.null_separated,
        find=read.find,
        read=read.read,
        map=mapped,
        bundle=bundle,
        output=OutputOptions(
            path=output,
            overwrite=arguments.choice("overwrite", parameters.OVERWRITE_CHOICES),
        ),
        where=read.where,
        check=arguments.choice("check", content_parameters.CHECK_CHOICES),
        render=_render_options(arguments),
        report=report_options(arguments),
        zero_preamble=arguments.flag("zero_preamble"),
        raw_dir=raw_dir,
        keep_rejected=read.keep_rejected,
        state=arguments.text("state"),
        workers=read.workers,
        dry_run=arguments.flag("dry_run"),
        fail_on=read.fail_on,
        push=push,
        stow=stow,
    )


def map_options(arguments: Arguments) -> MapOptions:
    """Return how a study becomes FHIR; a command without some of the options has the defaults."""
    usual = MapOptions()
    dicomweb = arguments.parsed("dicomweb", values.dicomweb_address)
    if dicomweb is None:  # what takes the files gives them back as well
        dicomweb = arguments.parsed("stow", values.dicomweb_address)
    below = arguments.parsed("media_inline_below", values.byte_limit)
    attached = arguments.parsed("max_attachment", values.byte_count)
    return MapOptions(
        fhir=arguments.choice(
            "fhir", content_parameters.FHIR_CHOICES, content_parameters.FHIR_LATER
        ),
        timezone=arguments.parsed("timezone", values.time_zone),
        patient=arguments.parsed("patient", values.patient_reference),
        patient_id_system=arguments.parsed("patient_id_system", values.absolute_uri),
        accession_system=arguments.parsed("accession_system", values.absolute_uri),
        issuers=arguments.issuers,
        id_salt=_read_salt(arguments),
        dicomweb=dicomweb,
        dicom=_dicom(arguments, dicomweb),
        fhir_base=arguments.parsed("fhir_base", values.web_address),
        inline_below=usual.inline_below if below is None else below,
        max_attachment=attached or usual.max_attachment,
        provenance=arguments.flag("provenance"),
        timestamp=_timestamp(arguments),
        observations=arguments.choice("observations", measurements.OBSERVATIONS_CHOICES),
        sr_status=arguments.choice("sr_status", measurements.STATUS_CHOICES),
        vitals=arguments.flag("vitals"),
        waveforms=arguments.flag("waveforms"),
        tags=arguments.all_parsed("tag", values.coding),
        security_labels=arguments.all_parsed("security_label", values.coding),
    )


def report_options(arguments: Arguments) -> ReportOptions:
    """Return how structured reports are read."""
    usual = ReportOptions()
    return ReportOptions(
        dose=arguments.choice("dose", measurements.DOSE_CHOICES),
        max_depth=arguments.parsed("max_sr_depth", values.whole_number) or usual.max_depth,
        max_items=arguments.parsed("max_sr_items", values.whole_number) or usual.max_items,
    )


def _render_options(arguments: Arguments) -> RenderOptions:
    usual = RenderOptions()
    return RenderOptions(
        media=arguments.choice("media", content_parameters.MEDIA_CHOICES),
        format=arguments.choice("media_format", content_parameters.MEDIA_FORMAT_CHOICES),
        size=arguments.parsed("media_size", values.pixel_count) or usual.size,
        quality=arguments.parsed("quality", values.percentage) or usual.quality,
        window=arguments.parsed("window", values.window) or usual.window,
        burned_in=arguments.flag("render_burned_in"),
        labels=arguments.flag("render_labels"),
    )


def _find_options(arguments: Arguments) -> FindOptions:
    usual = FindOptions()
    members = arguments.parsed("max_archive_members", values.whole_number)
    unpacked = arguments.parsed("max_archive_bytes", values.byte_count)
    ratio = arguments.parsed("max_archive_ratio", values.whole_number)
    folder = arguments.text("temp_dir")
    if folder is not None and not os.path.isdir(folder):  # noqa: PTH112 - a path of any bytes
        raise arguments.bad("temp_dir", "There is no such folder.", "Make it first.")
    return FindOptions(
        follow=arguments.flag("follow"),
        include=arguments.texts("include"),
        exclude=arguments.texts("exclude"),
        temp_dir=folder,
        max_archive_members=members or usual.max_archive_members,
        max_archive_bytes=unpacked or usual.max_archive_bytes,
        max_ratio=ratio or usual.max_ratio,
    )


def _read_options(arguments: Arguments) -> ReadOptions:
    return ReadOptions(
        allow_truncated=arguments.flag("allow_truncated"),
        charset=arguments.parsed("charset", values.charset),
    )


def _bundle_options(arguments: Arguments) -> BundleOptions:
    """Return the limits: those of the server, and over them what was asked for."""
    options = BundleOptions(
        ids=arguments.choice("ids", content_parameters.IDS_CHOICES),
        max_entries=arguments.parsed("max_entries", values.whole_number),
        max_bytes=arguments.parsed("max_bytes", values.byte_count),
    )
    if arguments.text("server_profile") is None:
        return options
    from dicom2fhir.bundle import apply_profile, limits_of  # noqa: PLC0415 - asked for seldom

    profile = arguments.choice("server_profile", parameters.PROFILE_CHOICES)
    if arguments.is_default("ids"):
        options = replace(options, ids=limits_of(profile).ids)
    return apply_profile(options, profile)


def _dicom(arguments: Arguments, dicomweb: str | None) -> str:
    if arguments.text("dicom") is None:
        return "binary" if dicomweb is None else "link"
    return arguments.choice("dicom", content_parameters.DICOM_CHOICES)


def _read_salt(arguments: Arguments) -> bytes | None:
    path = arguments.text("id_salt_file")
    if path is None:
        return None
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path of any bytes
            salt = file.read(4096).rstrip(b"\r\n")
    except OSError as error:
        raise ConfigError(f"--id-salt-file cannot be read: {error.strerror}.") from None
    if not salt:
        raise ConfigError("--id-salt-file is empty.", hint="Put a long random text into it.")
    return salt


def _timestamp(arguments: Arguments) -> str | None:
    given = arguments.parsed("timestamp", values.instant)
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if given is not None or not epoch or not arguments.flag("provenance"):
        return given
    try:
        return values.epoch_instant(epoch)
    except ValueError as error:
        raise ConfigError(f"SOURCE_DATE_EPOCH {error}.") from None
