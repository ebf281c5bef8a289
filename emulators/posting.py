"""CloudEvents over HTTP in binary mode, posted at least once, one after the other.

An event is posted again, with a growing pause, until the receiver answers 2xx. Attributes are percent-encoded in
headers as the CloudEvents HTTP binding says.
"""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 5.0
TIMEOUT = 30.0
_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


def binary_headers(attributes: Mapping[str, str], content_type: str) -> dict[str, str]:
    """The HTTP headers of an event with these attributes."""
    headers = {f"ce-{name}": quote(value, safe=_SAFE) for name, value in attributes.items()}
    return {**headers, "Content-Type": content_type}


class EventPoster:
    """Posts to a URL over one connection that is kept open, from one thread. `stopping` ends the attempts."""

    def __init__(self, url: str, stopping: threading.Event) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"--events needs a URL such as http://127.0.0.1:8080/events, not {url}")
        self._host, self._port = parts.hostname, parts.port or 80
        self._path = parts.path or "/"
        self._stopping = stopping
        self._connection: http.client.HTTPConnection | None = None

    def deliver(self, headers: Mapping[str, str], data: bytes) -> None:
        """Returns when the event is taken, or not taken while stopping."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set() and not self._post(headers, data):
            self._stopping.wait(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    def _post(self, headers: Mapping[str, str], data: bytes) -> bool:
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)
            self._connection.request("POST", self._path, data, dict(headers))
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            log.debug("an event was not taken: %s", type(error).__name__)
            self.close()
            return False
        return 200 <= answer.status < 300

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
