"""Whatever the attributes hold, the Bundles made of them pass our own check."""

from __future__ import annotations

from random import Random

import pytest
from mapping_studies import payloads

from dicom2fhir.bundle import bundle_of, make_bundles
from dicom2fhir.check import check_bundle
from dicom2fhir.mapping import map_study
from dicom2fhir.options import BundleOptions
from seeded_studies import make_options, make_study


@pytest.mark.parametrize("ids", ["client", "server"])
@pytest.mark.parametrize("seed", range(40))
def test_a_study_of_any_content_makes_sound_bundles(seed: int, ids: str) -> None:
    random = Random(f"{ids} {seed}")  # noqa: S311  the same studies in every run
    for number in range(5):
        study = make_study(random, number)
        mapped = map_study(study, make_options(random), payloads(study))
        parts, _ = make_bundles(mapped.resources, BundleOptions(ids=ids))
        for part in parts:
            assert check_bundle(bundle_of(part), "full") == ()
