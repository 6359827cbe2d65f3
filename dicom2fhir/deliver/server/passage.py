"""What is known of one study while it is on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dicom2fhir.deliver.server.entries import name_of

if TYPE_CHECKING:
    from dicom2fhir.model import PushEntry
    from dicom2fhir.problems import Problem


@dataclass(slots=True)
class Passage:
    """One study on its way: what stands for each address in it, and what was wrong.

    `names` has the server's reference by fullUrl and by `Type/<our id>`.
    """

    names: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    held_back: bool = False

    def note(self, problem: Problem) -> None:
        """Remember a Problem."""
        self.problems.append(problem)

    def learn(self, entry: PushEntry, reference: str) -> None:
        """Remember where the resource of an entry is."""
        self.names |= {entry.full_url: reference, name_of(entry): reference}
