"""Small databases with something of everything, and their state as plain bytes to compare with."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.vector import Vector

State = dict[str, bytes]
"""The fields of every document of the app, as deterministic wire bytes, by path."""


def client_of(project: str, database: str = "(default)") -> Any:
    return firestore.Client(project=project, database=database, credentials=AnonymousCredentials())


def fill(client: Any, flat: int = 40) -> None:
    """Flat and nested collections, missing parents, look-alike ids, every type, and documents of ours."""
    chance = random.Random(4)
    batch = client.batch()
    for number in range(flat):
        batch.set(
            client.document(f"users/u{number:03}"), {"name": f"user {number}", "age": chance.randrange(90)}
        )
    for number in range(6):
        batch.set(client.document(f"shops/s{number}"), {"open": True})
        for item in range(4):
            batch.set(client.document(f"shops/s{number}/items/i{item}"), {"price": item + 0.5})
    for number in range(5):
        batch.set(
            client.document(f"ghosts/g{number}/logs/l{number}"), {"at": datetime(2026, 1, 1, tzinfo=UTC)}
        )
    for name in ("Ä", "A\u0308", "a b", "__id7__", "7", "🜁", "x.y"):
        batch.set(client.document("odd", name), {"id": name})
    batch.set(client.document("types/all"), everything(client))
    batch.set(client.document("backups/old"), {"status": "ours"})
    batch.set(client.document("backupJobs/old/parts/1"), {"ours": True})
    batch.commit()


def everything(client: Any) -> dict[str, Any]:
    """Every value type: alone, in a map, in an array, in a map in an array."""
    values = [
        None, True, 2**63 - 1, -(2**63), -0.0, float("nan"), float("inf"), 1.5, "", "naïve", b"", b"\x00\xff",
        datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 11, 23, 3, 0, 0, 123456, tzinfo=UTC),
        client.document("users/u001"), firestore.GeoPoint(-90, 180), Vector([1.0, -0.0]), {}, {"a": {"b": {}}},
    ]  # fmt: skip
    alone = {f"v{number}": value for number, value in enumerate(values)}
    return {**alone, "map": alone, "array": values, "deep": [{"in": value} for value in values], "empty": []}


def state_of(project: str, database: str = "(default)") -> State:
    """Read by a way of its own: Google's client, one query over everything."""
    client = client_of(project, database)
    api: FirestoreClient = client._firestore_api
    parent = f"projects/{project}/databases/{database}/documents"
    request = {
        "parent": parent,
        "structured_query": {
            "from": [{"all_descendants": True}],
            "order_by": [{"field": {"field_path": "__name__"}, "direction": "ASCENDING"}],
        },
    }
    found: State = {}
    for answer in api.run_query(request=request, metadata=client._rpc_metadata):
        document = type(answer).pb(answer).document
        path = document.name.removeprefix(parent + "/")
        if not path or path.split("/")[0] in ("backups", "backupJobs", "recoveries", "backupRequests"):
            continue
        document.name = ""
        document.ClearField("create_time")
        document.ClearField("update_time")
        found[path] = document.SerializeToString(deterministic=True)
    return found
