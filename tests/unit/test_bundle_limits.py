from __future__ import annotations

import pytest

from dicom2fhir.bundle import PROFILES, apply_profile, limits_of
from dicom2fhir.errors import UsageError
from dicom2fhir.options import BundleOptions


def test_every_server_of_the_documentation_has_a_profile() -> None:
    assert set(PROFILES) == {"generic", "hapi", "medplum", "google", "azure", "aws"}


def test_medplum_has_its_limit_on_conditional_entries() -> None:
    limits = limits_of("medplum")
    assert (limits.max_conditional_entries, limits.max_updates, limits.ids) == (8, 50, "server")


def test_a_limit_that_was_given_wins_over_the_profile() -> None:
    options = apply_profile(BundleOptions(ids="server", max_entries=7), "google")
    assert (options.ids, options.max_entries, options.max_bytes) == ("server", 7, 50_000_000)


def test_an_unknown_profile_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError) as caught:
        limits_of("epic")
    assert all(name in caught.value.hint for name in PROFILES)
