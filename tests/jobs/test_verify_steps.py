"""A check goes on where it stopped, covers everything in time, and says what is lost and what still restores."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from content import client_of, fill
from world import Fuse, World, entries

from shared.errors import BadInput
from shared.jobs.verify import daily_request, verify_due
from shared.models.jobs import VerifyRequest
from shared.repository.checking.steps import Steps, in_steps, shared_out
from shared.repository.findings import Tally
from shared.repository.layout import pack_key
from shared.state.contract import TaskId

NewWorld = Callable[..., World]


def backed_up(new_world: NewWorld, fuse: Fuse | None = None) -> World:
    world = new_world(fuse)
    fill(client_of(world.settings.project), flat=200)
    world.snapshot("b1")
    client_of(world.settings.project).document("users/u005").set({"name": "changed"})
    world.snapshot("b2", selection=entries("users"))
    return world


def pack_files(world: World) -> list[Path]:
    """Those that the first backup needs."""
    steps = Steps(world.repository(), Tally())
    assert steps.frame() == []
    return [Path(world.settings.repository) / pack_key(pack) for pack in sorted(steps.walk("b1")[1])]


def flip(path: Path, at: float = 0.5) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def verify(world: World, verify_id: str, **fields: object) -> dict[str, list[str]]:
    world.run("backup-verify", VerifyRequest.model_validate({"verify_id": verify_id, **fields}).to_message())
    data = world.ports().ledger.load(TaskId(verify_id)).data
    return {name: data.get(name, []) for name in ("verified", "damaged", "findings", "losses")}


def test_a_check_that_is_stopped_after_every_step_finds_the_same(new_world: NewWorld) -> None:
    world = backed_up(new_world)
    flip(pack_files(world)[0])
    at_once = verify(world, "v1", depth="data")
    world.limit = timedelta()
    in_pieces = verify(world, "v2", depth="data")
    assert in_pieces == at_once
    assert at_once["damaged"]
    assert sum(report.outcome == "continued" for report in world.reports) >= 4
    assert world.errors == []


@pytest.mark.parametrize("depth", ["structure", "data"])
def test_a_check_killed_anywhere_comes_to_the_same_result(new_world: NewWorld, depth: str) -> None:
    world = backed_up(new_world)
    pack_files(world)[-1].unlink()
    expected = verify(world, "v", depth=depth)
    assert expected["damaged"]
    counting = world.fuse = Fuse()
    verify(world, "counted", depth=depth)
    for moment in range(1, len(counting.moments) + 1):
        world.fuse, world.limit = Fuse(at=moment), timedelta()
        assert verify(world, f"v{moment}", depth=depth) == expected
        assert world.fuse.blown
    assert world.crashes == len(counting.moments)


def test_what_is_lost_is_named_and_counted_and_so_is_what_restores(new_world: NewWorld) -> None:
    world = backed_up(new_world)
    flip(pack_files(world)[0])
    found = verify(world, "v1", depth="data")
    told = world.ports().catalog.backup(found["damaged"][0]).validation
    assert not told.verified
    assert told.errors is not None
    assert "of" in told.errors[0]
    assert "cannot be read: " in told.errors[0]
    assert told.errors[0].endswith("restore")
    assert found["losses"][0] == f"{found['damaged'][0]}: {told.errors[0]}"


def test_a_sample_in_which_nothing_is_damaged_does_not_undo_what_was_found(new_world: NewWorld) -> None:
    world = backed_up(new_world)
    for number, path in enumerate(pack_files(world)):
        kept = path.read_bytes()
        flip(path)
        if verify(world, f"v{number}", backup_id="b1")["verified"]:
            break
        path.write_bytes(kept)
    assert verify(world, "found", backup_id="b1", depth="data")["damaged"] == ["b1"]
    assert verify(world, "shallow", backup_id="b1")["verified"] == ["b1"]
    assert not world.ports().catalog.backup("b1").validation.verified
    path.write_bytes(kept)
    assert verify(world, "mended", backup_id="b1", depth="data")["verified"] == ["b1"]
    assert world.ports().catalog.backup("b1").validation.verified
    assert world.ports().catalog.backup("b1").validation.errors is None


def test_every_damaged_pack_is_found_within_a_round_of_daily_samples(new_world: NewWorld) -> None:
    world = backed_up(new_world)
    for path in pack_files(world):
        kept = path.read_bytes()
        flip(path, 0.3)
        day = datetime(2026, 1, 1, tzinfo=UTC)
        turns = [daily_request(day + timedelta(days=number), 1 / 4).turn for number in range(4)]
        results = [
            verify(world, f"v-{path.name[:8]}-{turn}", depth="data", sample=0.25, turn=turn) for turn in turns
        ]
        assert sum(bool(result["damaged"]) for result in results) >= 1
        path.write_bytes(kept)


@pytest.mark.parametrize("sample", [1.0, 0.5, 1 / 3, 1 / 30, 0.7])
def test_turns_in_a_row_cover_everything(sample: float) -> None:
    chance = random.Random(1)
    packs = [chance.randbytes(32) for _ in range(500)]
    turns = math.ceil(1 / sample)
    begin = chance.randrange(10**6)
    shares = [shared_out(packs, sample, begin + turn) for turn in range(turns)]
    assert sorted(pack for share in shares for pack in share) == sorted(packs)
    assert max(map(len, shares)) <= 2.5 * len(packs) / turns


def test_steps_begin_behind_the_cursor_and_leave_none_out() -> None:
    packs = [bytes([number]) * 32 for number in range(100)]
    every = [pack for some in in_steps(packs, b"") for pack in some]
    assert every == packs
    assert [pack for some in in_steps(packs, packs[40]) for pack in some] == packs[41:]


@pytest.mark.parametrize(
    ("now", "last", "due"),
    [
        ("2026-03-01T00:00:00+00:00", None, True),
        ("2026-03-01T00:00:00+00:00", "2026-02-28T23:59:59+00:00", True),
        ("2026-03-01T23:59:59+00:00", "2026-03-01T00:00:00+00:00", False),
        ("2026-03-01T01:00:00+02:00", "2026-02-28T22:00:00+00:00", False),
        ("2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00", False),
        ("2026-03-05T00:00:00+00:00", "2026-03-01T00:00:00+00:00", True),
    ],
)
def test_a_share_is_due_once_on_each_day_of_utc(now: str, last: str | None, due: bool) -> None:
    before = datetime.fromisoformat(last) if last else None
    assert verify_due(datetime.fromisoformat(now), before) is due


def test_all_who_ask_on_one_day_ask_for_the_same_check() -> None:
    one = daily_request(datetime(2026, 3, 1, 0, 0, tzinfo=UTC))
    assert one == daily_request(datetime(2026, 3, 1, 23, 59, tzinfo=UTC))
    assert one != daily_request(datetime(2026, 3, 2, tzinfo=UTC))
    with pytest.raises(BadInput, match="sample"):
        VerifyRequest.from_message(b'{"verifyId": "v", "sample": 0}')


def test_an_empty_repository_proves_nothing(new_world: NewWorld) -> None:
    world = new_world()
    found = verify(world, "v1")
    assert found["verified"] == []
    assert "nothing to prove" in found["findings"][0]
