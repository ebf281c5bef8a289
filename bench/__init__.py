"""Measurements: what `make bench` prints and docs/performance.md keeps. Speed is never asserted in tests."""
