"""The DICOM files of studies, to a DICOMweb server as they are (`--stow`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicom2fhir.deliver.server.dicomweb import Place
from dicom2fhir.deliver.server.stow import DicomFile, StowOutcome, stow_files
from dicom2fhir.pipeline.payload import read_payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dicom2fhir.deliver.server.steady import SteadyClient
    from dicom2fhir.deliver.server.stow import StowResult
    from dicom2fhir.model import Attributes, Bytes, Study


def dicom_files(study: Study, files: Mapping[str, Bytes]) -> Iterator[DicomFile]:
    """Yield the files of a study, which `files` has by SOP Instance UID, under their own UIDs.

    A UID that was replaced is told to the server as it stands in the file.
    """
    study_uid = _own(study.attributes, "OriginalStudyInstanceUID", study.uid)
    for series in study.series:
        series_uid = _own(series.attributes, "OriginalSeriesInstanceUID", series.uid)
        for instance in series.instances:
            if instance.uid in files:
                uid = _own(instance.attributes, "OriginalSOPInstanceUID", instance.uid)
                yield DicomFile(
                    place=Place(study_uid, series_uid, uid), content=files[instance.uid]
                )


def store_files(
    client: SteadyClient,
    files: Iterable[DicomFile],
    note: Callable[[StowResult], None] = lambda _: None,
) -> StowOutcome:
    """Send files by STOW-RS; `note` is told of each as soon as its fate is known.

    Errors: ServerRefusedError, ServerUnreachableError, ConfigError
    """
    outcome = StowOutcome()
    for result in stow_files(client, files, read_payload):
        note(result)
        outcome.add(result)
    return outcome


def _own(attributes: Attributes, keyword: str, uid: str) -> str:
    values = attributes.get(keyword)
    return str(values[0]) if values else uid
