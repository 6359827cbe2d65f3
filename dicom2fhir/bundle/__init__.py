"""Resources into transaction Bundles: requests, references, order and splitting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.bundle.encoding import encode_pieces
from dicom2fhir.bundle.entries import frame_entry
from dicom2fhir.bundle.limits import PROFILES, ServerLimits, apply_profile, limits_of
from dicom2fhir.bundle.load import Load, is_limited
from dicom2fhir.bundle.splitting import Splitter
from dicom2fhir.errors import UsageError
from dicom2fhir.model import EncodedBundle, EncodedEntry, Entry, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dicom2fhir.model import Piece
    from dicom2fhir.options import BundleOptions
    from dicom2fhir.problems import Problem

__all__ = [
    "PROFILES",
    "Load",
    "ServerLimits",
    "apply_profile",
    "bundle_of",
    "encode_bundle",
    "is_limited",
    "limits_of",
    "make_bundles",
]


def make_bundles(
    resources: Sequence[Resource],
    options: BundleOptions,
    provenance: Callable[[Sequence[str]], Resource] | None = None,
) -> tuple[list[list[Entry]], list[Problem]]:
    """Return the entries of one transaction Bundle, in as many parts as the limits ask for.

    A part is whole with the parts before it. Without limits there is one part. `provenance` makes
    the Provenance of a part, its last entry, from the `Type/<id>` that the part holds.

    FHIR:   Bundle.entry (R4 http.html#transaction)
    Errors: Problem bundle.too-large for a resource that no Bundle can hold; study.too-large for
            series that had to be written without their instances; bundle.by-identifier for
            references that became identifiers. UsageError when a Provenance leaves no room
    """
    if provenance is not None and options.max_entries is not None and options.max_entries <= 1:
        raise UsageError(
            "A Provenance and a limit of one entry leave no room for anything else.",
            hint="Raise --max-entries or leave out --provenance.",
        )
    splitter = Splitter(options, provenance)
    splitter.split(resources)
    return splitter.parts, splitter.problems


def bundle_of(entries: Sequence[Entry]) -> Resource:
    """Return the transaction Bundle of these entries; bytes stand in it as values."""
    bundle: Resource = {"resourceType": "Bundle", "type": "transaction"}
    if entries:
        bundle["entry"] = [
            {"fullUrl": entry.full_url, "resource": entry.resource, "request": entry.request}
            for entry in entries
        ]
    return bundle


def encode_bundle(name: str, part: int, parts: int, entries: Sequence[Entry]) -> EncodedBundle:
    """Return the Bundle as it is written: JSON with sorted keys, equal to that of `bundle_of`."""
    return EncodedBundle(
        name=name,
        part=part,
        parts=parts,
        entries=tuple(
            EncodedEntry(
                full_url=entry.full_url,
                request=entry.request,
                pieces=entry.pieces or _encode_entry(entry),
            )
            for entry in entries
        ),
    )


def _encode_entry(entry: Entry) -> tuple[Piece, ...]:
    return frame_entry(entry.full_url, entry.request, encode_pieces(entry.resource))
