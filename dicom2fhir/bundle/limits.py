"""What the servers of the field accept in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from dicom2fhir.errors import UsageError

if TYPE_CHECKING:
    from dicom2fhir.options import BundleOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What one server takes; the fields are those of BundleOptions, None: no limit known."""

    ids: str = "client"

    max_entries: int | None = None
    max_bytes: int | None = None
    max_resource_bytes: int | None = None
    max_conditional_entries: int | None = None
    max_updates: int | None = None


PROFILES: dict[str, ServerLimits] = {
    # Safe nearly everywhere: small enough for common proxies and request time-outs.
    "generic": ServerLimits(max_entries=100, max_bytes=4_000_000),
    # No limit of its own (maximum_transaction_bundle_size is unset), but transactions of some 400
    # entries have run into time-outs (hapi-fhir issue 1636).
    "hapi": ServerLimits(max_entries=400, max_bytes=20_000_000),
    # Its batch processor: 8 entries once one is conditional, 50 updates; it chooses the ids.
    # Its configuration: maxJsonSize 1 MB by default (maxBatchSize, 50 MB, is for asynchronous use).
    "medplum": ServerLimits(
        ids="server",
        max_bytes=1_000_000,
        max_conditional_entries=8,
        max_updates=50,
    ),
    # cloud.google.com/healthcare-api/quotas: executeBundle 50 MB, a resource 10 MB; 4,500 entries.
    "google": ServerLimits(max_entries=4_500, max_bytes=50_000_000, max_resource_bytes=10_000_000),
    # learn.microsoft.com, Azure Health Data Services, FHIR limits: 500 entries; the Cosmos store
    # of Azure API for FHIR ends at 2 MB a resource.
    "azure": ServerLimits(max_entries=500, max_resource_bytes=2_000_000),
    # docs.aws.amazon.com/healthlake, quotas: 160 resources a Bundle; no figure for bytes.
    "aws": ServerLimits(max_entries=160),
}
"""Limits by server profile."""


def limits_of(profile: str) -> ServerLimits:
    """Return the limits of this server profile.

    Errors: UsageError when there is no such profile
    """
    limits = PROFILES.get(profile)
    if limits is None:
        raise UsageError(
            "There is no server profile of that name.",
            hint=f"Known: {', '.join(sorted(PROFILES))}.",
        )
    return limits


def apply_profile(options: BundleOptions, profile: str) -> BundleOptions:
    """Return the options with the profile's limits wherever no limit was given; ids stay.

    Errors: UsageError when there is no such profile
    """
    limits = limits_of(profile)
    unset = {
        item.name: getattr(limits, item.name)
        for item in fields(limits)
        if item.name != "ids" and getattr(options, item.name) is None
    }
    return replace(options, **unset)
