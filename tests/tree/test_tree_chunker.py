"""Cuts: their sizes, and that each depends only on what came since the one before."""

from __future__ import annotations

from random import Random
from statistics import mean, quantiles

import pytest
from tree_samples import SMALL

from shared.errors import BadInput
from shared.format.chunker import Chunking, leaf_cuts, node_ends


def stream(n: int, size: int, seed: int = 1) -> tuple[list[bytes], list[bytes]]:
    random = Random(seed)
    keys = sorted({b"cities\x00" + random.randbytes(10) for _ in range(n)})
    return keys, [bytes(random.randrange(size // 2, size + size // 2)) for _ in keys]


def sizes(chunking: Chunking, keys: list[bytes], values: list[bytes]) -> list[int]:
    return [size for _, size in leaf_cuts(chunking, 0, keys, values)[0]]


@pytest.mark.parametrize(("n", "size"), [(60_000, 550), (250_000, 60), (3_000, 9_000)])
def test_leaves_are_of_64_kib_on_average_whatever_the_entries_size(n: int, size: int) -> None:
    found = sizes(Chunking(seed=99), *stream(n, size))
    assert 0.85 < mean(found) / (64 << 10) < 1.15
    assert min(found) >= 16 << 10
    assert max(found) < (256 << 10) + 2 * size
    tenth, *_, ninetieth = quantiles(found, n=10)
    assert tenth > 18 << 10
    assert ninetieth < 160 << 10


def test_entries_of_chance_sizes_up_to_a_mebibyte_keep_leaves_bounded() -> None:
    random = Random(4)
    keys = [b"%08d" % n for n in range(2000)]
    values = [bytes(random.choice((0, 10, 1000, 70_000, 1 << 20))) for _ in keys]
    found = sizes(Chunking(seed=3), keys, values)
    assert max(found) < (256 << 10) + (1 << 20) + 8
    assert min(found) >= 16 << 10


def test_keys_that_all_refuse_a_cut_are_cut_at_the_largest_size() -> None:
    chunking = Chunking(seed=1, target=(1 << 27) - 1, min=1, max=1 << 27)
    small = Chunking(seed=1, target=1000, min=999, max=2000)
    assert leaf_cuts(chunking, (1 << 27) - 4, [b"key"], [b"value"])[0] == [(1, (1 << 27) + 4)]
    assert max(sizes(small, *stream(5000, 20))) < 2000 + 40


def test_a_cut_depends_on_nothing_before_the_cut_before_it() -> None:
    keys, values = stream(5000, 60)
    chunking = Chunking(seed=5, target=2000, min=500, max=8000)
    cuts, held = leaf_cuts(chunking, 0, keys, values)
    start = cuts[3][0]
    rest, held_again = leaf_cuts(chunking, 0, keys[start:], values[start:])
    assert [(end + start, size) for end, size in rest] == cuts[4:]
    assert held == held_again


def test_cuts_fall_together_again_soon_after_a_change_of_place() -> None:
    keys, values = stream(20_000, 60)
    chunking = Chunking(seed=5, target=2000, min=500, max=8000)
    ends = {end for end, _ in leaf_cuts(chunking, 0, keys, values)[0]}
    for start in range(7, 2007, 100):
        moved = [end + start for end, _ in leaf_cuts(chunking, 0, keys[start:], values[start:])[0]]
        assert next(i for i, end in enumerate(moved) if end in ends) < 12


def test_changed_values_of_equal_size_move_no_cut_and_of_other_sizes_few() -> None:
    keys, values = stream(60_000, 550)
    chunking = Chunking(seed=7)
    before = {end for end, _ in leaf_cuts(chunking, 0, keys, values)[0]}
    same = [b"\xff" * len(value) for value in values]
    assert {end for end, _ in leaf_cuts(chunking, 0, keys, same)[0]} == before
    random = Random(2)
    grown = [value + bytes(random.randrange(20)) if random.random() < 0.1 else value for value in values]
    after = {end for end, _ in leaf_cuts(chunking, 0, keys, grown)[0]}
    assert len(before & after) > 0.9 * len(before)


def test_nodes_have_256_children_on_average_within_their_bounds() -> None:
    chunking, random = Chunking(seed=11), Random(8)
    fanouts, held = [], 0
    for _ in range(100_000):
        held += 1
        if node_ends(chunking, 1, held, random.randbytes(12)):
            fanouts.append(held)
            held = 0
    assert 0.85 < mean(fanouts) / 256 < 1.15
    assert min(fanouts) >= 32
    assert max(fanouts) <= 1024


def test_each_level_cuts_at_other_keys() -> None:
    random = Random(1)
    keys = [random.randbytes(8) for _ in range(3000)]
    ends = [{key for key in keys if node_ends(SMALL, level, SMALL.min_fanout, key)} for level in (1, 2)]
    assert all(len(found) > 500 for found in ends)
    assert len(ends[0] ^ ends[1]) > 500


@pytest.mark.parametrize(
    "options",
    [
        {"seed": -1},
        {"seed": 1 << 64},
        {"min": 0},
        {"min": 64 << 10},
        {"target": 256 << 10},
        {"max": 1 << 28},
        {"min_fanout": 1},
        {"fanout": 32},
        {"max_fanout": 256},
        {"max_fanout": 1 << 17},
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        Chunking(**{"seed": 1} | options)
