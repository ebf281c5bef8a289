"""Uploads at the wire: cut off, resumed, repeated, cancelled, malformed, chunked, huge."""

from __future__ import annotations

import io
import os
import socket
import threading
from pathlib import Path

import pytest
from google.cloud import storage
from storage_helpers import Answer, Raw, connected, wait_for

from emulators.storage import StorageEmulator
from emulators.storage.scratch import Scratch

QUANTUM = 256 * 1024


def begin(raw: Raw, bucket: storage.Bucket, name: str = "big", query: str = "") -> str:
    answer = raw("POST", f"/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable&name={name}{query}", {})
    assert answer.status == 200
    return answer.headers["location"].removeprefix(f"http://{raw.address}")


def put(raw: Raw, url: str, data: bytes, span: str) -> Answer:
    return raw("PUT", url, data, {"Content-Range": f"bytes {span}"})


def test_a_resumable_upload_tells_how_far_it_is_at_any_time(bucket: storage.Bucket, address: str) -> None:
    data = os.urandom(3 * QUANTUM + 77)
    size = len(data)
    with Raw(address) as raw:
        url = begin(raw, bucket)
        answer = put(raw, url, b"", "*/*")
        assert (answer.status, answer.headers.get("range")) == (308, None)
        answer = put(raw, url, data[: 2 * QUANTUM], f"0-{2 * QUANTUM - 1}/*")
        assert (answer.status, answer.headers["range"]) == (308, f"bytes=0-{2 * QUANTUM - 1}")
        repeated = put(raw, url, data[QUANTUM : 3 * QUANTUM], f"{QUANTUM}-{3 * QUANTUM - 1}/{size}")
        assert (repeated.status, repeated.headers["range"]) == (308, f"bytes=0-{3 * QUANTUM - 1}")
        assert put(raw, url, b"", f"*/{size}").status == 308
        done = put(raw, url, data[3 * QUANTUM :], f"{3 * QUANTUM}-{size - 1}/{size}")
        assert (done.status, done.json["size"]) == (200, str(size))
        again = put(raw, url, b"", f"*/{size}")
        assert (again.status, again.json["generation"]) == (200, done.json["generation"])
    assert bucket.blob("big").download_as_bytes() == data


def test_what_does_not_fit_the_upload_is_refused_and_it_goes_on(bucket: storage.Bucket, address: str) -> None:
    with Raw(address) as raw:
        url = begin(raw, bucket)
        for data, span in (
            (b"x" * 1000, "0-999/*"),  # not a multiple
            (b"x" * QUANTUM, f"{QUANTUM}-{2 * QUANTUM - 1}/*"),  # a gap
            (b"x" * 10, f"0-{QUANTUM - 1}/*"),  # fewer bytes than said
            (b"x", "0-1/1"),
            (b"x", "5-4/10"),
            (b"x", "nonsense"),
        ):
            answer = put(raw, url, data, span)
            assert answer.status == 400, span
        assert put(raw, url, b"ok", "0-1/2").status == 200
    assert bucket.blob("big").download_as_bytes() == b"ok"


def test_an_upload_that_was_cut_off_keeps_whole_quanta_and_goes_on(
    bucket: storage.Bucket, address: str
) -> None:
    data = os.urandom(3_000_000)
    host, port = address.split(":")
    with Raw(address) as raw:
        url = begin(raw, bucket)
        with socket.create_connection((host, int(port)), timeout=10) as cut:
            head = f"PUT {url} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n"
            cut.sendall(f"{head}Content-Range: bytes 0-{len(data) - 1}/{len(data)}\r\n\r\n".encode())
            cut.sendall(data[:2_000_000])
        whole = f"bytes=0-{2_000_000 // QUANTUM * QUANTUM - 1}"

        def told() -> list[str]:
            # Until the emulator has noticed the end of the connection.
            return [
                each for each in [put(raw, url, b"", f"*/{len(data)}").headers.get("range")] if each == whole
            ]

        assert wait_for(told, 1) == [whole]
        assert not bucket.blob("big").exists()
        at = 2_000_000 // QUANTUM * QUANTUM
        answer = put(raw, url, data[at:], f"{at}-{len(data) - 1}/{len(data)}")
        assert answer.status == 200
    assert bucket.blob("big").download_as_bytes() == data


@pytest.mark.parametrize("kind", ["media", "multipart", "xml"])
def test_other_uploads_that_are_cut_off_leave_nothing(
    bucket: storage.Bucket, address: str, kind: str
) -> None:
    host, port = address.split(":")
    start, paths = b"", {
        "media": f"POST /upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=cut",
        "multipart": f"POST /upload/storage/v1/b/{bucket.name}/o?uploadType=multipart",
        "xml": f"PUT /{bucket.name}/cut",
    }  # fmt: skip
    if kind == "multipart":
        start = b'--x\r\n\r\n{"name":"cut"}\r\n--x\r\n\r\n'
    with socket.create_connection((host, int(port)), timeout=10) as cut:
        head = f"{paths[kind]} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n"
        cut.sendall(
            f"{head}Content-Type: multipart/related; boundary=x\r\n\r\n".encode() + start + bytes(3_000_000)
        )
    bucket.blob("after").upload_from_string(b"x")
    assert [each.name for each in bucket.list_blobs()] == ["after"]


def test_a_cancelled_upload_is_over(bucket: storage.Bucket, address: str) -> None:
    with Raw(address) as raw:
        url = begin(raw, bucket)
        put(raw, url, bytes(QUANTUM), f"0-{QUANTUM - 1}/*")
        assert raw("DELETE", url).status == 499
        assert put(raw, url, b"", "*/*").status == 410
        assert put(raw, url.replace("upload_id=", "upload_id=0"), b"", "*/*").status == 404
    assert list(bucket.list_blobs()) == []


def test_the_conditions_of_a_resumable_upload_hold_when_it_ends(bucket: storage.Bucket, address: str) -> None:
    with Raw(address) as raw:
        url = begin(raw, bucket, query="&ifGenerationMatch=0")
        bucket.blob("big").upload_from_string(b"first")
        answer = put(raw, url, b"late", "0-3/4")
        assert (answer.status, answer.reason) == (412, "conditionNotMet")
    assert bucket.blob("big").download_as_bytes() == b"first"


def test_a_wrong_checksum_at_the_end_refuses_a_resumable_upload(bucket: storage.Bucket, address: str) -> None:
    with Raw(address) as raw:
        url = begin(raw, bucket)
        answer = raw("PUT", url, b"data", {"Content-Range": "bytes 0-3/4", "X-Goog-Hash": "crc32c=AAAAAA=="})
        assert (answer.status, answer.reason) == (400, "invalid")
    assert not bucket.blob("big").exists()


RELATED = {
    "other boundary": (b'--y\r\n\r\n{"name":"m"}\r\n--y\r\n\r\nx\r\n--y--', 400),
    "no end": (b'--x\r\n\r\n{"name":"m"}\r\n--x\r\n\r\ncontent', 400),
    "one part": (b'--x\r\n\r\n{"name":"m"}\r\n--x--', 400),
    "not json": (b'--x\r\n\r\n{"name":\r\n--x\r\n\r\nx\r\n--x--', 400),
    "no name": (b"--x\r\n\r\n{}\r\n--x\r\n\r\nx\r\n--x--", 400),
    "empty": (b"", 400),
    "bare line feeds": (b'--x\n\n{"name":"m"}\n--x\n\ncontent\n--x--\n', 200),
    "delimiter inside": (b'--x\r\n\r\n{"name":"m"}\r\n--x\r\n\r\ncontent--x--\r\n--x--\r\n', 200),
    "preamble": (
        b'hello\r\n--x\r\nA: b\r\n\r\n{"name":"m"}\r\n--x\r\nContent-Type: a/b\r\n\r\ncontent\r\n--x--',
        200,
    ),
}


@pytest.mark.parametrize("case", RELATED)
def test_multipart_bodies_are_read_as_they_are_or_refused(
    bucket: storage.Bucket, address: str, case: str
) -> None:
    body, status = RELATED[case]
    path = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=multipart"
    with Raw(address) as raw:
        assert raw("POST", path, body, {"Content-Type": 'multipart/related; boundary="x"'}).status == status
    found = {each.name: each.download_as_bytes() for each in bucket.list_blobs()}
    expected = b"content--x--" if case == "delimiter inside" else b"content"
    assert found == ({"m": expected} if status == 200 else {})


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 1 << 20, (1 << 20) - 300, 2_500_000])
def test_multipart_content_of_any_size_is_exact(bucket: storage.Bucket, address: str, size: int) -> None:
    data = os.urandom(size)
    body = b'--xyz\r\n\r\n{"name":"m"}\r\n--xyz\r\n\r\n' + data + b"\r\n--xyz--\r\n"
    path = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=multipart"
    with Raw(address) as raw:
        assert raw("POST", path, body, {"Content-Type": "multipart/related; boundary=xyz"}).status == 200
    assert bucket.blob("m").download_as_bytes() == data


def test_chunked_bodies_and_those_that_wait_are_taken(bucket: storage.Bucket, address: str) -> None:
    host, port = address.split(":")
    path = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=chunked"
    with socket.create_connection((host, int(port)), timeout=10) as sock, sock.makefile("rb") as answers:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        )
        sock.sendall(head.encode())
        assert answers.readline() == b"HTTP/1.1 100 Continue\r\n"
        sock.sendall(b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n")
        assert answers.readline() == b"\r\n"
        assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
    assert bucket.blob("chunked").download_as_bytes() == b"hello world"


@pytest.mark.parametrize(
    "request_text",
    [
        "NONSENSE\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n folded: x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        "GET /?a=%ff HTTP/1.1\r\n\r\n",
        "GET /" + "x" * 70_000,
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(address: str, request_text: str) -> None:
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock, sock.makefile("rb") as answers:
        sock.sendall(request_text.encode("latin-1"))
        status = int(answers.readline().split()[1])
        assert status in {400, 431}
        answers.read()


def test_requests_one_after_the_other_in_one_packet_are_all_answered(
    bucket: storage.Bucket, address: str
) -> None:
    host, port = address.split(":")
    path = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name="
    calls = [f"POST {path}{i} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab" for i in range(10)]
    with socket.create_connection((host, int(port)), timeout=10) as sock, sock.makefile("rb") as answers:
        sock.sendall("".join(calls).encode())
        sock.shutdown(socket.SHUT_WR)
        assert answers.read().count(b"HTTP/1.1 200 OK") == 10
    assert len(list(bucket.list_blobs())) == 10


def test_large_objects_are_in_files_that_go_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    emulator = StorageEmulator(buckets=["files"])
    bucket = connected(emulator.start()).bucket("files")
    bucket.soft_delete_policy.retention_duration_seconds = 0
    bucket.patch()

    def files() -> int:
        return sum(1 for each in tmp_path.glob("*/*") if each.is_file())

    bucket.blob("small").upload_from_string(bytes(1 << 20))
    assert files() == 0
    bucket.blob("large").upload_from_string(os.urandom((1 << 20) + 1))
    bucket.copy_blob(bucket.blob("large"), bucket, "copy")
    assert files() == 1
    bucket.blob("large").delete()
    assert bucket.blob("copy").download_as_bytes()[:0] == b""
    assert files() == 1
    bucket.blob("copy").delete()
    assert files() == 0
    bucket.blob("left").upload_from_string(bytes(2 << 20))
    emulator.stop()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_emulator_left_is_removed_and_what_a_living_one_has_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    living = Scratch()
    left = tmp_path / "firekeep-storage-left"
    left.mkdir()
    (left / "0").write_bytes(b"x")
    other = tmp_path / "something-else"
    other.mkdir()
    second = Scratch()
    assert not left.exists()
    assert other.exists()
    assert len(list(tmp_path.glob("firekeep-storage-*"))) == 2
    living.close()
    second.close()


class Sparse(io.RawIOBase):
    """Zeros with a few marks in them, of any size."""

    def __init__(self, size: int) -> None:
        self.size, self.at = size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[call-overload]
        count = min(len(view), self.size - self.at)
        view[:count] = bytes(count)
        if count and self.at == 0:
            view[0] = 1
        self.at += count
        return int(count)

    def tell(self) -> int:
        return self.at


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_five_gigabytes_stream_through_in_bounded_memory(bucket: storage.Bucket) -> None:
    size = 5 * 10**9
    blob = bucket.blob("huge", chunk_size=64 << 20)
    blob.upload_from_file(Sparse(size), size=size, timeout=300)
    assert blob.size == size
    tail = bucket.blob("huge").download_as_bytes(start=size - 10)
    assert tail == bytes(10)
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    assert peak < 1_000_000
    assert threading.active_count() < 100
