"""What every implementation of a port must pass, as plain functions: run by tests, and by `doctor` on real services.

A check returns when the promise holds and raises `Broken` with the promise's words when it does not.
"""
