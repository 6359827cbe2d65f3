"""One entry of a transaction Bundle: built once, encoded once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicom2fhir.bundle.encoding import encode, encode_pieces, join_pieces
from dicom2fhir.bundle.references import find_references, rewrite
from dicom2fhir.bundle.writing import master_identifier, own_identifier, request_of
from dicom2fhir.identity import resource_id
from dicom2fhir.model import Entry, Resource, size_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from dicom2fhir.model import Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One resource on its way into Bundles.

    `name` is `Type/<id>`, `needs` the names it refers to. The id of a conditional one is the
    server's choice, so only its own Bundle can refer to it.
    """

    name: str
    resource: Resource
    needs: tuple[str, ...]
    request: Mapping[str, str]
    conditional: bool

    @property
    def full_url(self) -> str:
        """Return what refers to this resource within its Bundle.

        It differs from our identifier where a condition rests on that: Medplum puts the id it chose
        in the place of a fullUrl in any string, so the next run would not match.
        """
        identity = self.resource["id"]
        if self.conditional and self.request["method"] == "PUT":
            identity = resource_id("Entry", identity)
        return f"urn:uuid:{identity}"


def name_of(resource: Resource) -> str:
    """Return the relative reference to this resource."""
    return f"{resource['resourceType']}/{resource['id']}"


def is_binary(resource: Resource) -> bool:
    """Tell whether this is bytes and not a record."""
    return bool(resource["resourceType"] == "Binary")


def item_of(resource: Resource, ids: str, known: Container[str]) -> Item:
    """Return the item of this resource, with what it needs of the known names."""
    request, conditional = request_of(resource, ids)
    return Item(
        name=name_of(resource),
        resource=resource,
        needs=tuple(find_references(resource, known)),
        request=request,
        conditional=conditional,
    )


def by_identifier(target: Item) -> Resource:
    """Return what stands for a reference to a resource that its Bundle cannot hold.

    FHIR: Reference.type and identifier (R4 references.html#logical)
    """
    resource = target.resource
    identifier = master_identifier(resource) or own_identifier(resource["id"])
    return {"type": resource["resourceType"], "identifier": identifier}


def refer_by_identifier(item: Item, targets: Iterable[Item]) -> Item:
    """Return the item with its references to these targets written as their identifiers."""
    forms = {target.name: by_identifier(target) for target in targets}
    return _refer(item, forms, tuple(need for need in item.needs if need not in forms))


def refer_to(item: Item, successors: Mapping[str, Item]) -> Item:
    """Return the item with its references to these names turned to their successors."""
    forms = {name: {"reference": target.name} for name, target in successors.items()}
    needs = (successors[need].name if need in successors else need for need in item.needs)
    return _refer(item, forms, tuple(needs))


def _refer(item: Item, forms: Mapping[str, Resource], needs: tuple[str, ...]) -> Item:
    if needs == item.needs:
        return item
    return replace(item, resource=rewrite(item.resource, forms), needs=needs)


def build_entry(item: Item, forms: Mapping[str, Resource]) -> tuple[Entry, int]:
    """Return the entry of this item and the bytes of its resource alone."""
    resource: Resource = rewrite(item.resource, forms)
    if item.conditional:
        # a server takes the id of a conditional request amiss when it found another (HAPI-2279)
        resource = {key: value for key, value in resource.items() if key != "id"}
    body = encode_pieces(resource)
    entry = Entry(
        full_url=item.full_url,
        resource=resource,
        request=item.request,
        pieces=frame_entry(item.full_url, item.request, body),
    )
    return entry, size_of(body)


def frame_entry(
    full_url: str, request: Mapping[str, str], body: tuple[Piece, ...]
) -> tuple[Piece, ...]:
    """Return the JSON of an entry around the JSON of its resource."""
    head = (b'{"fullUrl":', encode(full_url), b',"request":', encode(request), b',"resource":')
    return join_pieces((*head, *body, b"}"))
