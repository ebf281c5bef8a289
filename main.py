"""The entry points for the functions runtime: each function's name is an attribute of this module.

They are looked up when asked for, so that an instance imports its own function and nothing of the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from functions.table import FUNCTIONS

__all__ = [spec.name for spec in FUNCTIONS]  # the table is the one list of names


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"there is no function named {name!r}")
    return import_module(f"functions.{name}").handle
