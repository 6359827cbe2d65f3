"""The check of every Bundle that leaves, and of any that is brought to `validate`.

`fast` judges by compact tables of the FHIR R4B types; `full` asks the fhir.resources models too.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import orjson

from dicom2fhir.check.references import Scope
from dicom2fhir.check.structure import resource_faults, resources_hold
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom2fhir.model import Resource

MAX_PROBLEMS = 100
"""Problems told one by one for each Bundle; the rest is counted."""


def check_bundle(bundle: Resource, level: str) -> tuple[Problem, ...]:
    """Return what is wrong with a Bundle, at most MAX_PROBLEMS one by one and then a count.

    Level `fast` knows types, cardinality, required codes, reference targets, resolution and
    invariants; `full` also lets the fhir.resources R4B models judge. Other levels check nothing.
    """
    if level not in {"fast", "full"}:
        return ()
    try:
        found = _faults(bundle, level)
        listed = tuple(islice(found, MAX_PROBLEMS))
        rest = sum(1 for _ in found)
    except RecursionError:
        return (Problem(code="check.model", element="Bundle", detail="nested too deep"),)
    more = (Problem(code="check.more", element="Bundle", count=rest),) if rest else ()
    return listed + more


def check_document(data: bytes, level: str) -> tuple[Problem, ...]:
    """Return what is wrong with one JSON document that should be a Bundle.

    Errors: Problem check.json when it is not JSON, not UTF-8 or not a Bundle.
    """
    try:
        bundle = orjson.loads(data)
    except orjson.JSONDecodeError:
        return (Problem(code="check.json", detail="not JSON"),)
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        return (Problem(code="check.json", detail="not a Bundle"),)
    return check_bundle(bundle, level)


def _faults(bundle: Resource, level: str) -> Iterator[Problem]:
    misfits = set()
    if not resources_hold((bundle,), Scope()):
        for problem in resource_faults(bundle, "Bundle", Scope()):
            if problem.code == "check.model":
                misfits.add(problem.element)
            yield problem
    if level == "full":
        from dicom2fhir.check.models import model_faults  # noqa: PLC0415  pydantic: 0.4 s

        yield from model_faults(bundle, misfits)
