"""A Firestore that is killed or stopped goes on where it was: documents, their past, and the order of time."""

from __future__ import annotations

import random
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError, ResourceExhausted
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from state_helpers import PROJECT, documents, ended, running

from emulators.firestore import FirestoreEmulator

HOSTILE = ["ä", "a\u0308", "a", "a/b/c", "__id-7__", "__id10__", "x" * 1400, "\x01\x00odd", "a b", "Ω/ω/ö"]


def everything(client: firestore.Client) -> dict[str, tuple[Any, ...]]:
    """Fields and times of each document in the collections used here."""
    found = {}
    for name in ("C", "b", "ω"):
        for one in client.collection_group(name).stream():
            found[one.reference.path] = (one.to_dict(), one.create_time, one.update_time)
    return found


def test_what_was_committed_is_there_after_a_kill_with_its_times_and_its_past(tmp_path: Path) -> None:
    with running("firestore", tmp_path) as first, documents(first.address) as client:
        for identifier in HOSTILE:
            client.document(f"C/{identifier}").set({"v": 1, "t": firestore.SERVER_TIMESTAMP})
        client.document("C/gone").set({"v": 1})
        then = client.document("C/later").set({"v": 0}).update_time
        client.document("C/a").update({"v": 2})
        client.document("C/gone").delete()
        client.document("C/ä").delete()
        client.document("C/ä").set({"v": 3})
        before, past = everything(client), client.document("C/a").get(read_time=then)
        first.kill()
    with running("firestore", tmp_path) as second, documents(second.address) as client:
        assert everything(client) == before
        old = client.document("C/a").get(read_time=then)
        assert (old.to_dict(), old.update_time) == (past.to_dict(), past.update_time)
        assert client.document("C/gone").get(read_time=then).exists
        assert not client.document("C/gone").get().exists
        query = client.collection("C")
        assert query.count().get()[0][0].value == len(list(query.stream()))
        assert query.count().get(read_time=then)[0][0].value == len(list(query.stream(read_time=then)))
        assert [one.id for one in query.where(filter=FieldFilter("v", "==", 3)).stream()] == ["ä"]
        latest = max(times[2].ToNanoseconds() for times in before.values())
        assert client.document("C/new").set({}).update_time.timestamp_pb().ToNanoseconds() > latest


def test_each_project_and_database_keeps_its_own(tmp_path: Path) -> None:
    places = [(PROJECT, "(default)"), (PROJECT, "other"), ("demo-else", "(default)")]
    with running("firestore", tmp_path) as first:
        for number, (project, database) in enumerate(places):
            with documents(first.address, database, project) as client:
                client.document("C/a").set({"n": number})
        first.stop()
    with running("firestore", tmp_path) as second:
        for number, (project, database) in enumerate(places):
            with documents(second.address, database, project) as client:
                assert client.document("C/a").get().to_dict() == {"n": number}


def test_a_killed_process_loses_no_acknowledged_commit_and_shows_no_part_of_one(tmp_path: Path) -> None:
    """Each commit writes the same number to three documents, and one of its own."""
    chance, done = random.Random(7), 0
    for _ in range(3):
        with running("firestore", tmp_path) as emulator, documents(emulator.address) as client:
            timer = threading.Timer(chance.uniform(0.3, 1.0), emulator.kill)
            timer.start()
            tried = done
            try:
                while True:
                    tried += 1
                    batch = client.batch()
                    for name in ("left", "middle", "right"):
                        batch.set(client.document(f"C/{name}"), {"n": tried, "pad": "x" * 2000})
                    batch.set(client.document(f"D/{tried}"), {})
                    batch.commit(retry=None, timeout=20)
                    done = tried
            except GoogleAPICallError:
                timer.join()
        with running("firestore", tmp_path) as emulator, documents(emulator.address) as client:
            numbers = {client.document(f"C/{name}").get().get("n") for name in ("left", "middle", "right")}
            # The one under way when it died may have been made.
            assert len(numbers) == 1
            assert numbers <= {done, tried}
            done = numbers.pop()
            kept = {int(one.id) for one in client.collection("D").stream()}
            assert kept >= set(range(1, done + 1)) - {tried - 1, tried}
            assert done in kept
    assert done > 3


class Clock:
    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        self.now += 1
        return self.now


def served(data: Path, clock: Any, horizon: float = 3600) -> tuple[FirestoreEmulator, str]:
    emulator = FirestoreEmulator(data=data, clock=clock, horizon=timedelta(seconds=horizon))
    return emulator, emulator.start()


@pytest.mark.parametrize("back", [0, 1_000_000, 3600 * 1_000_000])
def test_commits_after_a_restart_are_later_than_all_before_also_when_the_clock_went_back(
    tmp_path: Path, back: int
) -> None:
    clock = Clock(1_800_000_000_000_000)
    emulator, address = served(tmp_path, clock)
    with documents(address) as client:
        client.document("C/a").set({})
        first = client.document("C/a").delete()
    emulator.stop()
    emulator, address = served(tmp_path, Clock(clock.now - back))
    with documents(address) as client:
        assert client.document("C/b").set({}).update_time > first
    emulator.stop()


def test_the_file_holds_no_more_of_the_past_than_the_horizon(tmp_path: Path) -> None:
    clock = Clock(1_800_000_000_000_000)
    emulator, address = served(tmp_path, clock, horizon=1)
    with documents(address) as client:
        for number in range(60):
            clock.now += 100_000
            client.document("C/a").set({"n": number, "pad": "x" * 100_000})
            client.document(f"C/{number}").set({"n": number})
            client.document(f"C/{number}").delete()
    emulator.stop()
    assert (tmp_path / "state").stat().st_size < 4_000_000
    emulator, address = served(tmp_path, clock, horizon=3600)
    with documents(address) as client:
        assert client.document("C/a").get().get("n") == 59
        # The first seconds are gone, whatever the horizon is now.
        stamp = client.document("C/a").get().update_time
        with pytest.raises(GoogleAPICallError, match="too old"):
            client.document("C/a").get(read_time=stamp - timedelta(seconds=4))
    emulator.stop()


def listened(client: firestore.Client, token: bytes | None) -> tuple[list[str], bytes]:
    """What a listener to all of C is told until it is current, and its token then."""
    api = client._firestore_api
    target: dict[str, Any] = {
        "query": {
            "parent": f"{client._database_string}/documents",
            "structured_query": {"from_": [{"collection_id": "C"}]},
        },
        "target_id": 1,
        **({"resume_token": token} if token else {}),
    }
    hold = threading.Event()

    def requests() -> Any:
        yield {"database": client._database_string, "add_target": target}
        hold.wait(30)

    said: list[str] = []
    metadata = [("google-cloud-resource-prefix", client._database_string)]
    for answer in api.listen(requests(), metadata=metadata, timeout=30):
        if answer.document_change.document.name:
            said.append(answer.document_change.document.name.rpartition("/")[2])
        change = answer.target_change
        if change.target_change_type == 4:
            said.append("RESET")
        if change.target_change_type == 3:
            hold.set()
            return said, change.resume_token
    raise AssertionError("never current")


def test_a_listener_goes_on_after_a_restart_and_one_of_another_history_begins_anew(tmp_path: Path) -> None:
    with running("firestore", tmp_path / "one") as first, documents(first.address) as client:
        client.document("C/a").set({})
        client.document("C/b").set({})
        said, token = listened(client, None)
        assert said == ["a", "b"]
        client.document("C/b").set({"n": 1})
        first.kill()
    with running("firestore", tmp_path / "one") as second, documents(second.address) as client:
        assert listened(client, token)[0] == ["b"]
    with running("firestore", tmp_path / "two") as other, documents(other.address) as client:
        client.document("C/c").set({})
        client.document("C/d").set({})
        assert listened(client, token)[0] == ["RESET", "c", "d"]


def test_a_commit_that_finds_no_room_is_refused_and_not_made(tmp_path: Path) -> None:
    emulator, address = served(tmp_path, lambda: time.time_ns() // 1000)
    with documents(address) as client:
        client.document("C/a").set({"n": 1})
        shelf = emulator._core.keeper._shelf  # type: ignore[union-attr]
        shelf._base.execute("PRAGMA max_page_count = 8")
        batch = client.batch()
        batch.set(client.document("C/a"), {"n": 2})
        batch.set(client.document("C/b"), {"pad": "x" * 900_000})
        with pytest.raises(ResourceExhausted, match="keeping state in"):
            batch.commit(retry=None)
        assert [one.to_dict() for one in client.collection("C").stream()] == [{"n": 1}]
        shelf._base.execute("PRAGMA max_page_count = 100000")
        client.document("C/b").set({"n": 3})
        seen = everything(client)
    emulator.stop()
    emulator, address = served(tmp_path, lambda: time.time_ns() // 1000)
    with documents(address) as client:
        assert everything(client) == seen
    emulator.stop()


def test_a_cleared_database_stays_empty(tmp_path: Path) -> None:
    for _ in range(2):
        emulator, address = served(tmp_path, lambda: time.time_ns() // 1000)
        with documents(address, project="demo-firekeep") as client:
            assert not client.document("C/a").get().exists
            client.document("C/a").set({})
        emulator.clear("demo-firekeep")
        emulator.stop()


def test_a_directory_in_use_and_a_state_that_is_none_are_named(tmp_path: Path) -> None:
    with running("firestore", tmp_path / "used"):
        status, words = ended("firestore", tmp_path / "used")
        assert status == 6
        assert f"{tmp_path / 'used'}: another process has it open" in words
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "state").write_text("no state at all, and long enough for a header" * 10)
    status, words = ended("firestore", tmp_path / "text")
    assert status == 2
    assert "not a state file" in words
    (tmp_path / "file").write_text("")
    status, words = ended("firestore", tmp_path / "file")
    assert status != 0
    assert str(tmp_path / "file") in words
