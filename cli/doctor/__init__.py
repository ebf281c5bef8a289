"""Checks of an installation: what is wrong is named, with what to do about it."""
