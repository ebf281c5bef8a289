"""Hostile maps for the tree's tests: prefixes of each other, look-alikes, empty and huge values, both normal forms."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from hypothesis import strategies as st

from shared.repository.tree import Batch, Chunking

SMALL = Chunking(seed=0x9E3779B97F4A7C15, target=120, min=32, max=400, fanout=5, min_fanout=2, max_fanout=9)
"""Leaves of a few entries and nodes of a few children, so that a few hundred entries make a high tree."""

Model = dict[bytes, bytes]

_LOOK_ALIKE = [
    *(b"\x00" * n for n in range(1, 5)),
    *(b"\xff" * n for n in range(1, 5)),
    *(b"a" * n for n in range(1, 40)),
    b"a\x00",
    b"a\x00\x00",
    b"a\xff",
    b"1",
    b"01",
    b"1.0",
    b"-1",
    "Caf\u00e9".encode(),
    "Cafe\u0301".encode(),
    "\u0410".encode(),
    b"A",
]

_hostile_key = st.one_of(
    st.sampled_from(_LOOK_ALIKE), st.binary(min_size=1, max_size=5), st.binary(min_size=200, max_size=300)
)
_hostile_value = st.one_of(
    st.binary(max_size=30),
    st.just(b""),
    st.tuples(st.integers(0, 255), st.integers(0, 1 << 20)).map(lambda pair: bytes((pair[0],)) * pair[1]),
)


def bulk(seed: int, n: int) -> Model:
    """`n` draws of short keys over a small alphabet, so that many share prefixes."""
    random = Random(seed)
    draws = (bytes(random.choices(b"\x00\x01abc\xff", k=random.randrange(1, 7))) for _ in range(n))
    return {key: random.randbytes(random.choice((0, 1, 8, 20, 60))) for key in draws}


models = st.builds(
    lambda hostile, seed, n: bulk(seed, n) | hostile,
    st.dictionaries(_hostile_key, _hostile_value, max_size=8),
    st.integers(0, 1000),
    st.integers(0, 400),
)

keys = st.one_of(_hostile_key, st.integers(0, 50).map(lambda n: next(iter(bulk(n, 1)))), st.just(b""))


def in_batches(model: Model, random: Random) -> Iterator[Batch]:
    """The map's entries in order, in batches of chance sizes, empty ones among them."""
    order = sorted(model)
    at = 0
    while at < len(order):
        some = order[at : at + random.choice((0, 1, 2, 7, 50, 500))]
        yield some, [model[key] for key in some]
        at += len(some)


def one_batch(model: Model) -> list[Batch]:
    order = sorted(model)
    return [(order, [model[key] for key in order])]


def chance_edits(model: Model, random: Random, n: int) -> dict[bytes, bytes | None]:
    """`n` edits: changes, deletions and insertions, in runs and scattered; some change nothing."""
    order = sorted(model)
    edits: dict[bytes, bytes | None] = {}
    while len(edits) < n:
        near = random.choice(order) if order and random.random() < 0.8 else random.randbytes(3)
        choice = random.randrange(5)
        if choice == 0:
            edits[near + bytes((random.randrange(256),))] = random.randbytes(random.randrange(30))
        elif choice == 1:
            edits[near] = model.get(near, b"new")
        elif choice == 2:
            edits[near] = random.randbytes(random.randrange(30))
        elif choice == 3:
            edits[near] = None
        else:
            at = random.randrange(len(order) + 1)
            edits.update(dict.fromkeys(order[at : at + random.randrange(40)]))
            edits[near] = None
    return edits


def edited(model: Model, edits: dict[bytes, bytes | None]) -> Model:
    return {key: value for key, value in (model | edits).items() if value is not None}
