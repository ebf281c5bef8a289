"""`python -m bench.loads.bare KIND`: a server of one kind that does no work, in a process of its own.

`grpc` answers messages of the size, and in streams of the count, that a call's metadata asks for; `http` answers
every request with the JSON that it was started with; `bytes` takes whatever comes over a socket, and after it is
told END OF INPUT sends as much back.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

_BLOCK = 1 << 20
_THREADS = 16


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # the stubs' parameters do not exist
    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        asked = dict(details.invocation_metadata)
        answer, count = bytes(int(asked["size"])), int(asked["count"])

        def stream(_request: bytes, _context: Any) -> Iterator[bytes]:
            for _ in range(count):
                yield answer

        if details.method.endswith("/Stream"):
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)


def _serve_grpc() -> str:
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=options)
    server.add_generic_rpc_handlers((_Handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    _kept.append(server)
    return f"127.0.0.1:{port}"


_kept: list[object] = []  # a server ends when nobody refers to it


def _listen(handle: Callable[[socket.socket], None]) -> str:
    """A thread for each connection, as the emulator of Cloud Storage has."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)

    def accept() -> None:
        while True:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=handle, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    host, port = listener.getsockname()
    return f"{host}:{port}"


def _answer_http(body: bytes) -> Callable[[socket.socket], None]:
    head = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: "1"\r\nContent-Length: %d\r\n\r\n'
    head %= len(body)

    def handle(client: socket.socket) -> None:
        rest = b""
        while True:
            while (end := rest.find(b"\r\n\r\n")) < 0:
                more = client.recv(_BLOCK)
                if not more:
                    return
                rest += more
            length = 0
            for line in rest[:end].split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line[15:])
            rest = rest[end + 4 :]
            while len(rest) < length:
                rest += client.recv(_BLOCK)
            rest = rest[length:]
            client.sendall(head + body)

    return handle


def _take_bytes(client: socket.socket) -> None:
    size, block = 0, bytearray(_BLOCK)
    while more := client.recv_into(block):
        size += more
    while size > 0:
        client.sendall(memoryview(block)[: min(size, _BLOCK)])
        size -= _BLOCK
    client.close()


def main() -> None:
    kind = sys.argv[1]
    if kind == "grpc":
        address = _serve_grpc()
    elif kind == "http":
        address = _listen(_answer_http(sys.argv[2].encode()))
    else:
        address = _listen(_take_bytes)
    sys.stdout.write(f"bare ready {address}\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
