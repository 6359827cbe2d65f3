"""The walk: whether a resource holds what its type says, no more, no less, in the right form.

Two things make it fast. Objects with the same keys share a *plan*, so required and unknown
elements, choices and invariants on presence are judged once a shape, not once an object. And every
test takes a *column*: the values of one element in all objects of one shape. A test only says yes
or no; where it says no, the same tests are asked again, value by value, for the place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, TypeAlias

from dicom2fhir.check import references
from dicom2fhir.check.invariants import PRESENCE, RULES, Rule, contained_faults
from dicom2fhir.check.primitives import PRIMITIVES, Column
from dicom2fhir.check.references import Scope
from dicom2fhir.check.schema import Element, elements_of, is_resource
from dicom2fhir.problems import Problem

if TYPE_CHECKING:
    from dicom2fhir.model import Json, Resource

Shape: TypeAlias = tuple[str, ...]
"""The keys of an object, in its order."""

Test: TypeAlias = Callable[[Column, Scope], bool]

MAX_SHAPES = 2048
"""Shapes remembered for each type; real data has a few, hostile data any number."""


@dataclass(frozen=True, slots=True)
class Member:
    """One key of a shape: its element, the test of a column of its values, and of their items.

    `gaps` allows null in a list: it keeps a place for the sibling list (R4 json.html#primitive).
    """

    key: str
    element: Element
    holds: Test
    item_holds: Test
    gaps: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known of all objects of one type with the same keys.

    `faults` are those of the keys alone: (Problem code, key or "", detail).
    """

    faults: tuple[tuple[str, str, str], ...]
    members: tuple[Member, ...]
    rules: tuple[Rule, ...]


def resources_hold(values: Column, scope: Scope) -> bool:
    """Tell whether each of these is a sound resource of the type that it names."""
    for resource in values:
        kind = references.resource_type(resource)
        if not kind:
            return False
        inner = _scope(resource, kind, scope)
        if not objects_hold(kind, (resource,), inner):
            return False
        if "contained" in resource and next(contained_faults(resource, inner), None):
            return False
    return True


def resource_faults(value: Json, path: str, scope: Scope) -> Iterator[Problem]:
    """Yield what is wrong with a resource, each with the path of its element."""
    kind = references.resource_type(value)
    if not kind:
        yield _misfit(path, "expected a resource of a known type")
        return
    inner = _scope(value, kind, scope)
    yield from _object_faults(kind, value, path, inner)
    for suffix, name in contained_faults(value, inner):
        yield Problem(code="check.invariant", element=path + suffix, detail=name)


def objects_hold(kind: str, values: Column, scope: Scope) -> bool:
    """Tell whether each of these is a sound object of this type."""
    if len(values) == 1:
        value = values[0]
        return type(value) is dict and _shape_holds(plan_of(kind, tuple(value)), values, scope)
    if set(map(type, values)) != {dict}:
        return False
    shapes = list(map(tuple, values))
    return all(
        _shape_holds(plan_of(kind, shape), _group(shape, shapes, values), scope)
        for shape in dict.fromkeys(shapes)
    )


def _group(shape: Shape, shapes: list[Shape], values: Column) -> Column:
    """Return the objects that have this shape; most often they all have."""
    if shapes.count(shape) == len(values):
        return values
    return [value for value, other in zip(values, shapes, strict=True) if other == shape]


def _shape_holds(plan: Plan, group: Column, scope: Scope) -> bool:
    if plan.faults:
        return False
    for member in plan.members:
        key = member.key
        if not member.holds([value[key] for value in group], scope):
            return False
    return not plan.rules or not any(
        next(rule(value), None) for rule in plan.rules for value in group
    )


def plan_of(kind: str, shape: Shape) -> Plan:
    """Return the plan of a shape, from memory when it was met before."""
    plans = _plans(kind)
    plan = plans.get(shape)
    if plan is None:
        if len(plans) >= MAX_SHAPES:
            plans.clear()
        plan = plans[shape] = _make_plan(kind, shape)
    return plan


@cache
def _plans(kind: str) -> dict[Shape, Plan]:
    """Return the memory of one type's plans."""
    del kind  # one memory for each
    return {}


def _make_plan(kind: str, shape: Shape) -> Plan:
    elements = elements_of(kind)
    keys = frozenset(shape)
    present = frozenset(key.removeprefix("_") for key in keys)
    faults = [*_key_faults(kind, shape)]
    faults.extend(
        ("check.model", element.name, "required")
        for element in elements.values()
        if element.required and element.name not in present
    )
    faults.extend(_choice_faults(elements, present))
    faults.extend(("check.invariant", "", name) for name in PRESENCE.get(kind, _no)(present))
    members = tuple(member for key in shape if (member := _member(key, elements, keys)) is not None)
    return Plan(tuple(faults), members, RULES.get(kind, ()))


def _no(_: frozenset[str]) -> Iterator[str]:
    return iter(())


def _key_faults(kind: str, shape: Shape) -> Iterator[tuple[str, str, str]]:
    if not shape:
        yield "check.model", "", "an object must not be empty"
    elements = elements_of(kind)
    for place, key in enumerate(shape, start=1):
        element = elements.get(key.removeprefix("_"))
        known = element is not None and (key == element.name or _has_sibling(kind, element))
        if not known and not (key == "resourceType" and is_resource(kind)):
            # A key may be anything, a name too: it is told by its place.
            yield "check.model", "", f"unknown element: key {place} of the object"


def _has_sibling(kind: str, element: Element) -> bool:
    """Tell whether `_name` may stand beside this element; id and Extension.url are attributes."""
    attribute = element.name == "id" or (kind == "Extension" and element.name == "url")
    return element.type in PRIMITIVES and not attribute


def _choice_faults(
    elements: Mapping[str, Element], present: frozenset[str]
) -> Iterator[tuple[str, str, str]]:
    groups: dict[str, list[Element]] = {}
    for element in elements.values():
        if element.choice:
            groups.setdefault(element.choice, []).append(element)
    for choice, group in groups.items():
        count = sum(element.name in present for element in group)
        if count > 1:
            yield "check.model", "", f"at most one of {choice}[x]"
        elif count == 0 and group[0].choice_required:
            yield "check.model", "", f"required: {choice}[x]"


def _member(key: str, elements: Mapping[str, Element], keys: frozenset[str]) -> Member | None:
    """Return the member that a key is, or None for a key that is no element."""
    element = elements.get(key.removeprefix("_"))
    if element is None:
        return None
    if not key.startswith("_"):
        test, gaps = _element_test(element), f"_{key}" in keys
    elif element.required and element.name not in keys:
        test, gaps = _extended_hold, True
    else:
        test, gaps = _siblings_hold, True
    holds = partial(_lists_hold, test, gaps) if element.many else test
    return Member(key, element, holds, test, gaps)


def _element_test(element: Element) -> Test:
    """Return the test of a column of single values of this element."""
    if element.codes:
        return partial(_codes_hold, element.codes)
    primitive = PRIMITIVES.get(element.type)
    if primitive is not None:
        return primitive
    if element.type == "Resource":
        return _contained_hold if element.name == "contained" else resources_hold
    if element.type == "Reference":
        return partial(_references_hold, element.targets)
    return partial(objects_hold, element.type)


def _codes_hold(codes: frozenset[str], values: Column, _: Scope) -> bool:
    return set(map(type, values)) == {str} and codes.issuperset(values)


def _references_hold(targets: frozenset[str], values: Column, scope: Scope) -> bool:
    return objects_hold("Reference", values, scope) and all(
        references.fault_of(value, targets, scope) is None for value in values
    )


def _contained_hold(values: Column, scope: Scope) -> bool:
    return all(
        bool(kind := references.resource_type(value)) and objects_hold(kind, (value,), scope)
        for value in values
    )


def _siblings_hold(values: Column, scope: Scope) -> bool:
    """Test the `_name` beside a primitive (R4 json.html#primitive)."""
    return objects_hold("FHIRPrimitiveExtension", values, scope)


def _extended_hold(values: Column, scope: Scope) -> bool:
    """Test a `_name` that stands for a required value: only an extension can tell why."""
    return _siblings_hold(values, scope) and all("extension" in value for value in values)


def _lists_hold(item_holds: Test, gaps: bool, values: Column, scope: Scope) -> bool:  # noqa: FBT001
    if set(map(type, values)) != {list} or not all(values):
        return False
    items = values[0] if len(values) == 1 else [item for value in values for item in value]
    if gaps:
        items = [item for item in items if item is not None]
    return not items or item_holds(items, scope)


def _object_faults(kind: str, value: Json, path: str, scope: Scope) -> Iterator[Problem]:
    if type(value) is not dict:
        yield _misfit(path, f"expected an object, {kind}")
        return
    plan = plan_of(kind, tuple(value))
    for code, key, detail in plan.faults:
        yield Problem(code=code, element=f"{path}.{key}" if key else path, detail=detail)
    sound = not any(code == "check.model" for code, *_ in plan.faults)
    for member in plan.members:
        if member.holds([value[member.key]], scope):
            continue
        for problem in _member_faults(member, value[member.key], f"{path}.{member.key}", scope):
            yield problem
            inside = problem.element.find(".resource", len(path)) >= 0
            sound = sound and (inside or problem.code != "check.model")
    # The rules rely on the form of the object, though not on that of the resources it holds.
    for rule in plan.rules if sound else ():
        for suffix, name in rule(value):
            yield Problem(code="check.invariant", element=path + suffix, detail=name)


def _member_faults(member: Member, value: Json, path: str, scope: Scope) -> Iterator[Problem]:
    if not member.element.many:
        yield from _value_faults(member, value, path, scope)
    elif type(value) is not list:
        yield _misfit(path, "expected a list")
    elif not value:
        yield _misfit(path, "a list must not be empty")
    else:
        for place, item in enumerate(value):
            if not (item is None and member.gaps) and not member.item_holds([item], scope):
                yield from _value_faults(member, item, f"{path}[{place}]", scope)


def _value_faults(member: Member, value: Json, path: str, scope: Scope) -> Iterator[Problem]:
    element = member.element
    if member.key.startswith("_"):
        yield from _object_faults("FHIRPrimitiveExtension", value, path, scope)
        if member.item_holds is _extended_hold and isinstance(value, dict):
            yield _misfit(path, "required: extension")
    elif element.type in PRIMITIVES:
        yield _primitive_fault(element, value, path)
    elif element.type == "Reference":
        yield from _reference_faults(element, value, path, scope)
    elif element.type != "Resource":
        yield from _object_faults(element.type, value, path, scope)
    elif element.name == "contained" and references.resource_type(value):
        yield from _object_faults(references.resource_type(value), value, path, scope)
    else:
        yield from resource_faults(value, path, scope)


def _primitive_fault(element: Element, value: Json, path: str) -> Problem:
    if isinstance(value, str) and element.codes:
        return Problem(code="check.code", element=path, detail="not in the required value set")
    if isinstance(value, str) and element.type == "xhtml":
        return Problem(code="check.invariant", element=path, detail="txt-1")
    return _misfit(path, f"expected {element.type}")


def _reference_faults(element: Element, value: Json, path: str, scope: Scope) -> Iterator[Problem]:
    if not objects_hold("Reference", (value,), scope):
        yield from _object_faults("Reference", value, path, scope)
        return
    fault = references.fault_of(value, element.targets, scope)
    if fault is not None:
        yield Problem(code=fault[0], element=f"{path}.reference", detail=fault[1])


def _misfit(path: str, detail: str) -> Problem:
    return Problem(code="check.model", element=path, detail=detail)


def _scope(resource: Resource, kind: str, scope: Scope) -> Scope:
    """Return the scope inside a resource; a Bundle resolves within its own entries."""
    entries = references.entries_of(resource) if kind == "Bundle" else scope.entries
    return references.scope_of(resource, entries)
