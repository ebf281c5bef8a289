"""Our Cloud Storage beside the official suite: its changes reach the functions that wait for them.

The official Storage emulator tells the Functions emulator of each change at `trigger_multicast`; so does this one,
once, with the CloudEvent that functions of the second generation take.
"""

from __future__ import annotations

import argparse
import http.client
import json
import logging
import sys
import uuid
from datetime import UTC

from emulators.serving import serve
from emulators.storage.changes import Change
from emulators.storage.server import StorageEmulator

log = logging.getLogger(__name__)

_TYPES = {
    "finalize": "finalized",
    "delete": "deleted",
    "archive": "archived",
    "metadataUpdate": "metadataUpdated",
}
_TIMEOUT_S = 30.0


class Multicast:
    """Posts changes to the Functions emulator at `functions` (HOST:PORT), which answers before functions run."""

    def __init__(self, functions: str, project: str) -> None:
        self._functions = functions
        self._path = f"/functions/projects/{project}/trigger_multicast"

    def __call__(self, change: Change) -> None:
        connection = http.client.HTTPConnection(self._functions, timeout=_TIMEOUT_S)
        try:
            headers = {"Content-Type": "application/cloudevents+json; charset=UTF-8"}
            connection.request("POST", self._path, json.dumps(storage_event(change)), headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                log.warning("the Functions emulator answered %d to a change of an object", answer.status)
        except (OSError, http.client.HTTPException) as problem:
            log.warning("the Functions emulator was not told of a change: %s", type(problem).__name__)
        finally:
            connection.close()


def storage_event(change: Change) -> dict[str, object]:
    """The change as a CloudEvent in JSON."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "type": f"google.cloud.storage.object.v1.{_TYPES[change.kind]}",
        "source": f"//storage.googleapis.com/projects/_/buckets/{change.bucket}",
        "subject": f"objects/{change.name}",
        "time": change.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": change.resource,
    }


def main() -> int:
    """Serves until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m emulators.official.storage", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9199)
    parser.add_argument("--project-id", required=True)
    parser.add_argument("--bucket", action="append", default=[])
    parser.add_argument("--pubsub", metavar="HOST:PORT")
    parser.add_argument("--functions", metavar="HOST:PORT")
    options = parser.parse_args()
    sink = Multicast(options.functions, options.project_id) if options.functions else None
    return serve(
        "storage",
        lambda: StorageEmulator(
            options.host,
            options.port,
            project=options.project_id,
            buckets=options.bucket,
            on_change=sink,
            pubsub=options.pubsub,
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
