"""A worker process: one function, loaded by functions-framework, one request at a time.

Requests come over a socket pair, not over a port: nobody but the host can call a worker, and either side sees
at once when the other is gone. Arguments: FD NAME SIGNATURE SOURCE.
"""

from __future__ import annotations

import io
import os
import socket
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from emulators.host.messages import (
    Request,
    Response,
    pack_response,
    read_frame,
    text,
    unpack_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable

READY = Response(100)


def main() -> None:
    fd, name, signature, source = sys.argv[1:]
    # The functions see the path they see in production: this source tree is on it only if it is theirs.
    sys.path.pop(0)
    link = socket.socket(fileno=int(fd))
    link.set_inheritable(False)
    application = load(name, signature, source)
    link.sendall(pack_response(READY))
    with link.makefile("rb") as stream:
        while (frame := read_frame(stream)) is not None:
            link.sendall(pack_response(answer(application, unpack_request(*frame))))
    _leave()


def load(name: str, signature: str, source: str) -> Any:
    """The WSGI application of one function. What stops it from loading is printed and ends the process."""
    import functions_framework

    application = functions_framework.create_app(target=name, source=source, signature_type=signature)
    if not callable(getattr(application, "wsgi_app", None)):
        sys.exit(f"{name}: asynchronous functions are not supported by this host")
    return application


def answer(application: Any, request: Request) -> Response:
    """Runs the application on one request, and waits for all of its answer."""
    started: list[tuple[int, tuple[tuple[str, str], ...]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[..., None]:
        started.append((int(status.split(" ", 1)[0]), tuple(headers)))
        return written.append

    written: list[bytes] = []
    try:
        parts = application(environ(request), start_response)
        try:
            written.extend(parts)
        finally:
            getattr(parts, "close", _nothing)()
    except Exception:  # noqa: BLE001  # whatever a function raises is its answer, and the worker serves on
        traceback.print_exc()
        return text(500, "the function raised an exception")
    finally:
        _flush()
    status, headers = started[-1]
    return Response(status, headers, b"".join(written))


def environ(request: Request) -> dict[str, Any]:
    """The WSGI environment of a request (PEP 3333)."""
    values: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            values[key] = value
        elif key not in {"CONTENT_LENGTH", "TRANSFER_ENCODING", "CONNECTION"}:
            key = f"HTTP_{key}"
            values[key] = f"{values[key]},{value}" if key in values else value
    return values


def _nothing() -> None:
    """A WSGI answer need not have a `close`."""


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _leave() -> None:
    """Ends the process when the host has closed the link, even if the function left threads running."""
    _flush()
    if threading.active_count() > 1:
        os._exit(0)


if __name__ == "__main__":
    main()
