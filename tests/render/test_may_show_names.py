from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dicom2fhir.model import SeriesInstance
from dicom2fhir.render.kinds import WHOLE_SLIDE, may_show_names

if TYPE_CHECKING:
    from dicom2fhir.model import Attributes

CT = "1.2.840.10008.5.1.4.1.1.2"
US = "1.2.840.10008.5.1.4.1.1.6.1"


@pytest.mark.parametrize(
    ("sop_class", "attributes", "expected"),
    [
        (CT, {}, False),
        (US, {}, True),
        (US, {"BurnedInAnnotation": ["NO"]}, False),
        (CT, {"BurnedInAnnotation": ["YES"]}, True),
        (WHOLE_SLIDE, {"ImageType": ["ORIGINAL", "PRIMARY", "LABEL"]}, True),
        (WHOLE_SLIDE, {"ImageType": ["ORIGINAL", "PRIMARY", "THUMBNAIL"]}, False),
    ],
)
def test_what_may_show_names_is_said_to(
    sop_class: str,
    attributes: Attributes,
    expected: bool,  # noqa: FBT001 - a case of the table
) -> None:
    instance = SeriesInstance(
        uid="1.1",
        sop_class_uid=sop_class,
        transfer_syntax_uid="1.2",
        part10=True,
        attributes=attributes,
        source=1,
    )
    assert may_show_names(instance) is expected
