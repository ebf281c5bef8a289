"""What every keyring must do. `same` opens what `ring` wraps; `other` holds another key of the same sort."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from shared.conformance.promise import Broken, promise, refused
from shared.errors import BadInput, Denied, WrongKey
from shared.keys.contract import Keyring

_MASTER: Final = bytes(range(32))
_HERE: Final = b"repository one"
_THERE: Final = b"repository two"


def check_unwrap_after_wrap_is_identity(ring: Keyring, same: Keyring, other: Keyring) -> None:
    del other
    wrapped = ring.wrap(_MASTER, _HERE)
    promise(same.unwrap(wrapped, _HERE) == _MASTER, "what was wrapped unwraps to the same bytes")


def check_wrapping_hides_and_differs(ring: Keyring, same: Keyring, other: Keyring) -> None:
    del same, other
    one, two = ring.wrap(_MASTER, _HERE), ring.wrap(_MASTER, _HERE)
    promise(_MASTER not in one.data and _MASTER[:8] not in one.data, "a wrapped key does not show the key")
    promise(one.data != two.data, "wrapping twice gives different bytes")


def check_another_key_does_not_open(ring: Keyring, same: Keyring, other: Keyring) -> None:
    del same
    with refused(WrongKey, "another key does not open what this one wrapped"):
        other.unwrap(ring.wrap(_MASTER, _HERE), _HERE)


def check_context_is_bound(ring: Keyring, same: Keyring, other: Keyring) -> None:
    del other
    with refused(WrongKey, "a wrapped key moved to another repository does not open"):
        same.unwrap(ring.wrap(_MASTER, _HERE), _THERE)


def check_every_flipped_bit_is_refused(ring: Keyring, same: Keyring, other: Keyring) -> None:
    del other
    wrapped = ring.wrap(_MASTER, _HERE)
    for position in range(0, len(wrapped.data), 7):
        damaged = bytearray(wrapped.data)
        damaged[position] ^= 1 << (position % 8)
        with refused(WrongKey, "a damaged wrapped key does not open"):
            same.unwrap(replace(wrapped, data=bytes(damaged)), _HERE)
    for length in (0, 1, 11, 12, 27, len(wrapped.data) - 1):
        with refused(WrongKey, "a wrapped key that is cut short does not open"):
            same.unwrap(replace(wrapped, data=wrapped.data[:length]), _HERE)


def check_foreign_ring_is_refused(ring: Keyring, same: Keyring, other: Keyring) -> None:
    del other
    with refused(WrongKey, "what another ring wrapped is not tried"):
        same.unwrap(replace(ring.wrap(_MASTER, _HERE), ring="no-such-ring"), _HERE)


def check_parameters_are_bound(ring: Keyring, same: Keyring, other: Keyring) -> None:
    del other
    wrapped = ring.wrap(_MASTER, _HERE)
    changes: list[dict[str, str | int]] = [{**wrapped.parameters, "extra": 1}]
    changes += [{k: v for k, v in wrapped.parameters.items() if k != name} for name in wrapped.parameters]
    for parameters in changes:
        try:
            same.unwrap(replace(wrapped, parameters=parameters), _HERE)
        except (BadInput, Denied):
            continue
        raise Broken("broken promise: changed parameters do not open")


CHECKS: Final[tuple[Callable[[Keyring, Keyring, Keyring], None], ...]] = (
    check_unwrap_after_wrap_is_identity,
    check_wrapping_hides_and_differs,
    check_another_key_does_not_open,
    check_context_is_bound,
    check_every_flipped_bit_is_refused,
    check_foreign_ring_is_refused,
    check_parameters_are_bound,
)
