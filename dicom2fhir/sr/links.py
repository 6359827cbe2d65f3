"""Items by reference that lead in a circle (PS3.3 C.17.3.2.5 forbids them)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def find_circles(parents: Sequence[int], edges: Mapping[int, int]) -> set[int]:
    """Return the items by reference that are part of a circle, through items below or references.

    `parents` has the index of what holds each item, `edges` that of what each reference leads to.
    These are the references within one strongly connected component (Tarjan, without recursion).
    """
    below: list[list[int]] = [[] for _ in parents]
    for index, parent in enumerate(parents):
        if parent >= 0:
            below[parent].append(index)
    for index, target in edges.items():
        below[index].append(target)
    component = _components(below)
    return {index for index, target in edges.items() if component[index] == component[target]}


def _components(after: Sequence[Sequence[int]]) -> list[int]:
    """Return for each node the number of its strongly connected component."""
    order = [0] * len(after)
    low = [0] * len(after)
    component = [-1] * len(after)
    open_nodes: list[int] = []
    way = [(0, iter(after[0]))]
    order[0] = low[0] = count = 1
    open_nodes.append(0)
    # all hang below the first, which is the root
    while way:
        node, rest = way[-1]
        for other in rest:
            if not order[other]:
                count += 1
                order[other] = low[other] = count
                open_nodes.append(other)
                way.append((other, iter(after[other])))
                break
            if component[other] < 0:
                low[node] = min(low[node], order[other])
        else:
            way.pop()
            if way:
                holder = way[-1][0]
                low[holder] = min(low[holder], low[node])
            if low[node] == order[node]:
                _close(node, open_nodes, component)
    return component


def _close(node: int, open_nodes: list[int], component: list[int]) -> None:
    while True:
        other = open_nodes.pop()
        component[other] = node
        if other == node:
            return
