from __future__ import annotations

from emulators.firestore import schema


def test_the_descriptors_are_those_of_the_installed_client() -> None:
    kept, installed = schema.FILE.read_bytes(), schema.describe()
    assert kept == installed, "run `python -m emulators.firestore.schema`"


def test_writes_can_be_verifications() -> None:
    assert schema.message("Write")(verify="x").WhichOneof("operation") == "verify"
