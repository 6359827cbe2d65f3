"""How full a Bundle is, and whether that is within the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dicom2fhir.model import BUNDLE_HEAD, BUNDLE_TAIL, size_of

if TYPE_CHECKING:
    from dicom2fhir.model import EncodedEntry, Entry
    from dicom2fhir.options import BundleOptions


class Load(NamedTuple):
    """What a Bundle holds so far; `size` counts bytes and lets each entry bring its own comma."""

    entries: int = 0
    size: int = len(BUNDLE_HEAD) + len(BUNDLE_TAIL) - 1
    updates: int = 0
    conditional: bool = False

    def plus(self, entry: Entry | EncodedEntry, extra: int = 0) -> Load:
        """Return the load with this entry, and the extra bytes that it causes elsewhere."""
        request = entry.request
        return Load(
            self.entries + 1,
            self.size + size_of(entry.pieces) + 1 + extra,
            self.updates + (request["method"] == "PUT"),
            self.conditional or "ifNoneExist" in request or "?" in request["url"],
        )

    def exceeds(self, limits: BundleOptions) -> bool:
        """Tell whether this is more than one Bundle may hold."""
        return (
            exceeds(self.entries, limits.max_entries)
            or exceeds(self.size, limits.max_bytes)
            or exceeds(self.updates, limits.max_updates)
            or (self.conditional and exceeds(self.entries, limits.max_conditional_entries))
        )


def is_limited(limits: BundleOptions) -> bool:
    """Tell whether there is any limit at all."""
    return any(
        limit is not None
        for limit in (
            limits.max_entries,
            limits.max_bytes,
            limits.max_resource_bytes,
            limits.max_conditional_entries,
            limits.max_updates,
        )
    )


def exceeds(count: int, limit: int | None) -> bool:
    """Tell whether there is a limit and the count is over it."""
    return limit is not None and count > limit
