"""The outbox: states survive, damage is set aside, one run holds it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from dicom2fhir.deliver.server.outbox import NAME, Item, Outbox, State
from dicom2fhir.errors import StateLockedError

if TYPE_CHECKING:
    from pathlib import Path

DONE = Item("Media/a", "d1", "7", State.DONE, 1)
SERVER = "https://fhir.example"


def test_items_are_there_for_the_next_run(tmp_path: Path) -> None:
    with Outbox(str(tmp_path), SERVER) as outbox:
        outbox.put([DONE])
    with Outbox(str(tmp_path), SERVER) as outbox:
        assert outbox.find("Media/a") == DONE
        assert outbox.find("Media/b") is None
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_each_server_has_items_of_its_own(tmp_path: Path) -> None:
    with Outbox(str(tmp_path), SERVER) as outbox:
        outbox.put([DONE])
    with Outbox(str(tmp_path), "https://other.example") as outbox:
        assert outbox.find("Media/a") is None


def test_a_second_run_is_told_which_process_holds_the_state(tmp_path: Path) -> None:
    with (
        Outbox(str(tmp_path), SERVER),
        pytest.raises(StateLockedError, match=str(os.getpid())),
    ):
        Outbox(str(tmp_path), SERVER)


def test_the_address_of_the_server_is_not_in_it(tmp_path: Path) -> None:
    with Outbox(str(tmp_path), SERVER) as outbox:
        outbox.put([DONE])
    assert b"fhir.example" not in (tmp_path / NAME).read_bytes()


def test_a_damaged_one_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database, only text of some length" * 40)
    with Outbox(str(tmp_path), SERVER) as outbox:
        assert outbox.set_aside
        assert outbox.find("Media/a") is None
        outbox.put([DONE])


def test_no_byte_that_changes_gives_another_item(tmp_path: Path) -> None:
    with Outbox(str(tmp_path), SERVER) as outbox:
        outbox.put([DONE])
    whole = (tmp_path / NAME).read_bytes()
    for place in range(0, len(whole), 17):
        damaged = bytearray(whole)
        damaged[place] ^= 0x04
        (tmp_path / NAME).write_bytes(damaged)
        with Outbox(str(tmp_path), SERVER) as outbox:
            assert outbox.find("Media/a") in {None, DONE}


def test_what_was_refused_can_be_made_pending_again(tmp_path: Path) -> None:
    with Outbox(str(tmp_path), SERVER) as outbox:
        outbox.put([Item("Media/a", "d1", "7", State.DEAD, 3, 0.0, "422 invalid")])
        assert [item.code for item in outbox.items(State.DEAD)] == ["422 invalid"]
        assert outbox.revive() == 1
        assert outbox.find("Media/a") == Item("Media/a", "d1", "7")
