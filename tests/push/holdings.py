"""What a server holds, written so that two servers which chose other ids compare equal."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from calling import call, search
from fhir_store import literals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from fhir_store import Resource, Store

NUMBERED = {"id", "meta"}
"""What a server writes itself. `meta` is ours only where tags are asked for, which no test does."""
BINARIES = "Binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Resources by a name that no server chooses, each with its content and how often it is there.

    `orphans` are Binaries that nothing names, by their SHA-256.
    """

    resources: Mapping[str, int]
    binaries: Mapping[str, int]
    orphans: Mapping[str, int]
    dangling: tuple[str, ...] = ()

    def without_orphans(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return what must be equal wherever the same was delivered."""
        return self.resources, self.binaries


def hold(resources: Iterable[Resource], contents: Mapping[str, bytes]) -> Holdings:
    """Return the holdings of these resources, and of the bytes of Binaries by `Binary/<id>`."""
    everything = {f"{one['resourceType']}/{one['id']}": one for one in resources}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    names = {name: _own_name(one) for name, one in everything.items()}
    names |= {name: f"Binary#{digest}" for name, digest in digests.items()}
    named: set[str] = set()
    dangling = []
    plain = []
    for one in everything.values():
        if one["resourceType"] == BINARIES:
            continue
        targets = list(literals(one))
        named.update(targets)
        dangling += [target for target in targets if target not in names]
        plain.append(_written(one, names))
    return Holdings(
        resources=Counter(plain),
        binaries=Counter(digest for name, digest in digests.items() if name in named),
        orphans=Counter(digest for name, digest in digests.items() if name not in named),
        dangling=tuple(dangling),
    )


def _own_name(resource: Resource) -> str:
    identifiers = resource.get("identifier") or [{"value": _digest(resource)}]
    values = sorted(f"{one.get('system')}|{one.get('value')}" for one in identifiers)
    return f"{resource['resourceType']}#{' '.join(values)}"


def _digest(resource: Resource) -> str:
    rest = {key: value for key, value in resource.items() if key not in NUMBERED}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _written(resource: Resource, names: Mapping[str, str]) -> str:
    rest = {key: value for key, value in resource.items() if key not in NUMBERED}
    return json.dumps(_renamed(rest, names), sort_keys=True)


def _renamed(node: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, dict):
        return {key: _renamed(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [_renamed(value, names) for value in node]
    return names.get(node, node) if isinstance(node, str) else node


def held_by(store: Store) -> Holdings:
    """Return the holdings of a recording server."""
    contents = {
        name: one.content for name, one in store.resources.items() if one.content is not None
    }
    return hold((one.resource for one in store.resources.values()), contents)


def read_bundles(folder: Path) -> list[Resource]:
    """Return the resources of all Bundles in this folder, each once."""
    found: dict[str, Resource] = {}
    for path in sorted(folder.glob("*.json")):
        bundle = json.loads(path.read_bytes())
        for entry in bundle.get("entry", []):
            found[entry["fullUrl"]] = entry["resource"]
    return list(found.values())


def expected_counts(folder: Path) -> dict[str, int]:
    """Return how many resources of each type the Bundles of this folder hold."""
    return dict(Counter(one["resourceType"] for one in read_bundles(folder)))


def expected_contents(folder: Path) -> Counter[str]:
    """Return the SHA-256 of what the Binaries of this folder's Bundles hold."""
    return Counter(
        hashlib.sha256(base64.b64decode(one["data"])).hexdigest()
        for one in read_bundles(folder)
        if one["resourceType"] == BINARIES
    )


def held_at(base: str, kinds: Iterable[str]) -> Holdings:
    """Return the holdings of a real server: every type but Binary, and the Binaries they name."""
    resources = [one for kind in kinds if kind != BINARIES for one in search(base, kind)]
    names = {
        target for one in resources for target in literals(one) if target.startswith("Binary/")
    }
    contents = {name: read_binary(base, name) for name in sorted(names)}
    return hold(resources, {name: one for name, one in contents.items() if one is not None})


def read_binary(base: str, name: str) -> bytes | None:
    """Return the bytes of a Binary by whatever way this server gives them; None: there is none."""
    status, headers, body = call(base, "GET", name)
    if status == 404:
        return None
    assert status == 200, (status, name)
    if "json" in headers.get("content-type", ""):
        data = json.loads(body).get("data")
        if data is not None:
            return base64.b64decode(data)
        accept = {"Accept": "application/octet-stream"}
        path = f"{name}/$binary-access-read?path=Binary"
        status, _, body = call(base, "GET", path, headers=accept)
        if status != 200:
            accept = {"Accept": "application/dicom"}
            status, _, body = call(base, "GET", name, headers=accept)
    assert status == 200, (status, name)
    return body
