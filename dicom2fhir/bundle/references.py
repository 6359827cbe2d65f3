"""References between the resources of one call: found, followed in order, and rewritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from dicom2fhir.model import Json, Resource

LITERALS_ONLY = "instance"
"""ImagingStudy.series.instance: tens of thousands of items, whose extensions hold literals only."""


def find_references(node: Json, known: Container[str]) -> list[str]:
    """Return the known `Type/<id>` that this resource refers to, each once, as they come."""
    found: dict[str, None] = {}
    _collect(node, known, found)
    return list(found)


def _collect(node: Json, known: Container[str], found: dict[str, None]) -> None:
    if isinstance(node, dict):
        target = node.get("reference")
        if isinstance(target, str) and target in known:
            found[target] = None
        for key, value in node.items():
            if key != LITERALS_ONLY and isinstance(value, (dict, list)):
                _collect(value, known, found)
    elif isinstance(node, list):
        for item in node:
            _collect(item, known, found)


def rewrite(node: Json, forms: Mapping[str, Resource]) -> Json:
    """Return the node with each reference in `forms` replaced; what is unchanged is shared."""
    if isinstance(node, dict):
        return _rewrite_dict(node, forms)
    if isinstance(node, list):
        items = [rewrite(item, forms) for item in node]
        return items if any(new is not old for new, old in zip(items, node, strict=True)) else node
    return node


def _rewrite_dict(node: Resource, forms: Mapping[str, Resource]) -> Resource:
    changed: Resource = {}
    for key, value in node.items():
        if key != LITERALS_ONLY and isinstance(value, (dict, list)):
            new = rewrite(value, forms)
            if new is not value:
                changed[key] = new
    target = node.get("reference")
    form = forms.get(target) if isinstance(target, str) else None
    if form is not None:
        rest = {key: value for key, value in node.items() if key != "reference"}
        return {**rest, **changed, **form}
    return {**node, **changed} if changed else node


def dependency_order(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names, each after what it needs and else in the order given.

    In a circle the first one comes first and its need later.
    """
    ordered: dict[str, None] = {}
    entered: set[str] = set()
    stack = [(name, False) for name in reversed(list(needs))]
    while stack:
        name, done = stack.pop()
        if done:
            ordered[name] = None
        elif name not in entered:
            entered.add(name)
            stack.append((name, True))
            stack.extend((need, False) for need in reversed(needs[name]) if need not in entered)
    return list(ordered)
