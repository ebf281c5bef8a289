"""Chance that can be had again: a number in [0, 1) for any words, the same in every process and release."""

from __future__ import annotations

import hashlib


def draw(*words: object) -> float:
    digest = hashlib.blake2b("\0".join(map(str, words)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
