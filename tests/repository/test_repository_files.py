"""Files in a repository: stored once, read back whole or in ranges, and every chunk that is missing is found."""

from __future__ import annotations

import base64
import dataclasses
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from random import Random

import google_crc32c
import pytest
from repository_samples import SMALL, TUNING, disk, files, made, manifest, opened, put_unproven

from shared.errors import BadInput, Corrupt, IntegrityError, Missing
from shared.format.flat import encode as key_of
from shared.format.media import LISTED, Chunk, Content, Media, encode, encode_chunk
from shared.format.node import Root
from shared.repository import Repository
from shared.repository.blobs import BlobKind
from shared.repository.check import ALL, check_data, check_structure
from shared.repository.files import AHEAD_BYTES, open_file, pieces, put_file
from shared.repository.findings import Finding
from shared.repository.tree import build, get

MIB = 1 << 20
DATA = Random(20260330).randbytes(12 * MIB)
BIG = dataclasses.replace(TUNING, pack_bytes=1 << 20, cache_bytes=8 << 20, read_ahead=1 << 20)


def record(data: bytes, content: Content | None) -> bytes:
    crc = base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()
    return encode(Media({"size": len(data), "crc32c": crc, "generation": 1, "metageneration": 1}, content))


def stored(repository: Repository, *contents: bytes) -> list[bytes]:
    """Their records."""
    with repository.writer() as writer:
        records = [record(data, put_file(writer, repository.chunking, spans(data))) for data in contents]
        writer.flush()
    return records


def spans(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 3 * MIB] for at in range(0, len(data), 3 * MIB))


def committed(repository: Repository, snapshot: str, contents: dict[str, bytes]) -> list[bytes]:
    """A snapshot of these files; answers their keys."""
    names = sorted(contents)
    keys = [key_of("bucket", name) for name in names]
    values = stored(repository, *(contents[name] for name in names))
    with repository.writer() as writer:
        root = build(writer, repository.chunking, [(keys, values)])
        writer.flush()
    repository.commit(dataclasses.replace(manifest(snapshot, root), roots={"media": root}))
    return keys


def lost(findings: list[Finding]) -> list[tuple[bytes, bytes] | None]:
    return [finding.lost for finding in findings if finding.content == "media"]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return made(disk(tmp_path), SMALL, BIG)


@pytest.mark.parametrize("size", [0, 1, 256 << 10, (256 << 10) + 1, 5 * MIB, 12 * MIB])
def test_a_file_is_read_back_as_it_was(repository: Repository, size: int) -> None:
    (value,) = stored(repository, DATA[:size])
    assert b"".join(open_file(repository, value)) == DATA[:size]


def test_any_range_of_a_file_is_read_without_the_rest(repository: Repository) -> None:
    (value,) = stored(repository, DATA)
    random = Random(5)
    for _ in range(40):
        start = random.choice([0, 1, random.randrange(len(DATA)), len(DATA)])
        length = random.choice([0, 1, random.randrange(len(DATA) - start + 1), len(DATA) - start])
        length = min(length, len(DATA) - start)
        assert b"".join(open_file(repository, value, start, length)) == DATA[start : start + length]
    with pytest.raises(BadInput, match="not within"):
        open_file(repository, value, 5, len(DATA))


def test_files_share_chunks_with_each_other_and_with_what_they_were(repository: Repository) -> None:
    stored(repository, DATA)
    with repository.writer() as writer:
        for other in (DATA, b"inserted" + DATA, DATA[: 6 * MIB] + b"x" + DATA[6 * MIB :], DATA + b"appended"):
            put_file(writer, repository.chunking, spans(other))
        writer.flush()
        assert writer.written.raw_bytes < 5 * 4 * MIB


def test_incompressible_bytes_are_stored_as_long_as_they_are(repository: Repository) -> None:
    with repository.writer() as writer:
        put_file(writer, repository.chunking, spans(DATA))
        writer.flush()
        assert len(DATA) <= writer.written.stored_bytes < len(DATA) + 2000
        assert writer.written.raw_bytes == len(DATA)


class ManyChunks:
    """A writer that has stored a great many chunks of one byte without doing so, and really stores their list."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.writer = repository.writer()

    def tree(self, count: int) -> Root:
        chunk = self.writer.put(BlobKind.CHUNK, b"x")
        keys = [at.to_bytes(8, "big") for at in range(count)]
        root = build(self.writer, self.repository.chunking, [(keys, [encode_chunk(Chunk(chunk, 1))] * count)])
        self.writer.flush()
        return root


def test_the_list_of_many_chunks_is_a_tree_that_reads_from_any_place(repository: Repository) -> None:
    many = ManyChunks(repository)
    root = many.tree(1000)
    value = record(b"x" * 1000, root)
    assert b"".join(open_file(repository, value)) == b"x" * 1000
    for start, length in ((0, 1), (1, 998), (999, 1), (500, 0)):
        assert b"".join(open_file(repository, value, start, length)) == b"x" * length
    assert [offset for offset, _ in pieces(repository, root, 998)] == [998, 999]


@pytest.mark.slow
def test_a_large_file_becomes_a_tree_and_memory_does_not_follow_its_size(repository: Repository) -> None:
    """400 MB of which most repeats: 340 chunks or so."""
    pattern = DATA[: 8 * MIB]

    def large() -> Iterator[bytes]:
        for number in range(50):
            yield number.to_bytes(4, "big") + pattern[4:]

    tracemalloc.start()
    try:
        with repository.writer() as writer:
            content = put_file(writer, repository.chunking, large())
            writer.flush()
        assert isinstance(content, Root)
        assert content.count > LISTED
        crc = size = 0
        value = encode(Media({"size": 400 * MIB, "crc32c": "AAAAAA=="}, content))
        for data in open_file(repository, value):
            crc, size = google_crc32c.extend(crc, data), size + len(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    expected = 0
    for span in large():
        expected = google_crc32c.extend(expected, span)
    assert (size, crc) == (400 * MIB, expected)
    assert peak < 90 * MIB


def test_a_list_with_a_gap_or_of_wrong_lengths_is_refused(repository: Repository) -> None:
    many = ManyChunks(repository)
    chunk = many.writer.put(BlobKind.CHUNK, b"x")
    many.writer.flush()
    with pytest.raises(Corrupt, match="another length"):
        list(open_file(repository, record(b"xx", (Chunk(chunk, 2),))))
    keys = [at.to_bytes(8, "big") for at in range(0, 600, 2)]
    with repository.writer() as writer:
        root = build(writer, repository.chunking, [(keys, [encode_chunk(Chunk(chunk, 1))] * 300)])
        writer.flush()
    with pytest.raises(Corrupt, match="gap"):
        list(open_file(repository, record(b"x" * 300, root)))


def test_a_record_fresh_from_its_service_cannot_be_opened(repository: Repository) -> None:
    with pytest.raises(BadInput, match="where its content is"):
        open_file(repository, record(b"x", None))


class CountingReads:
    """Notes how many bytes have been read."""

    def __init__(self, inner: Repository) -> None:
        self._inner = inner
        self.read = 0

    def get(self, kind: BlobKind, blob_id: bytes) -> bytes:
        data = self._inner.get(kind, blob_id)
        self.read += len(data)
        return data


def test_only_so_much_is_read_ahead(repository: Repository) -> None:
    with repository.writer() as writer:
        half = put_file(writer, repository.chunking, spans(DATA))
        writer.flush()
    assert not isinstance(half, Root)
    value = record(DATA * 4, half * 4)
    counting = CountingReads(repository)
    given = 0
    for data in open_file(counting, value):
        given += len(data)
        assert counting.read <= given + AHEAD_BYTES + 4 * MIB


def test_letting_go_of_a_file_in_the_middle_leaves_nothing_running(repository: Repository) -> None:
    (value,) = stored(repository, DATA)
    reading = open_file(repository, value)
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-file")]


def test_a_whole_repository_of_files_passes_every_check(tmp_path: Path) -> None:
    committed(made(disk(tmp_path), SMALL, BIG), "one", {"a": DATA, "b": b"", "c": b"small", "d": DATA[:MIB]})
    repository = opened(disk(tmp_path), SMALL, BIG)
    for snapshot in ("one", ALL):
        assert list(check_structure(repository, snapshot)) == []
        assert list(check_data(repository, snapshot)) == []


def test_a_missing_pack_names_the_files_that_lack_a_chunk_and_no_others(tmp_path: Path) -> None:
    contents = {"a": DATA[: 5 * MIB], "b": b"small", "c": DATA[6 * MIB : 11 * MIB], "d": b"other"}
    keys = committed(made(disk(tmp_path), SMALL, BIG), "one", contents)
    repository = opened(disk(tmp_path), SMALL, BIG)
    for path in (tmp_path / "packs").rglob("*"):
        if not path.is_file():
            continue
        whole = path.read_bytes()
        path.unlink()
        broken = unreadable(repository, keys, contents)
        named = {
            key
            for key in keys
            for span in lost(list(check_structure(repository, "one")))
            if covers(span, key)
        }
        assert named == broken != set()
        path.write_bytes(whole)


def unreadable(repository: Repository, keys: list[bytes], contents: dict[str, bytes]) -> set[bytes]:
    """The keys of files that cannot be read now."""
    fresh = opened(repository.store.provider, SMALL, BIG)
    root = fresh.manifest("one").roots["media"]
    out = set()
    for key, data in zip(keys, (contents[name] for name in sorted(contents)), strict=True):
        try:
            value = get(fresh, root, key)
            assert value is not None
            assert b"".join(open_file(fresh, value)) == data
        except IntegrityError:
            out.add(key)
    return out


def covers(span: tuple[bytes, bytes] | None, key: bytes) -> bool:
    return span is not None and span[0] < key and (not span[1] or key <= span[1])


def test_a_flipped_bit_in_a_chunk_is_found_by_the_data_check_and_names_the_file(tmp_path: Path) -> None:
    contents = {"a": DATA[: 5 * MIB], "b": b"small", "c": DATA[6 * MIB : 11 * MIB]}
    keys = committed(made(disk(tmp_path), SMALL, BIG), "one", contents)
    repository = opened(disk(tmp_path), SMALL, BIG)
    largest = max(
        (path for path in files(tmp_path) if "packs" in str(path)), key=lambda path: path.stat().st_size
    )
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    broken = unreadable(repository, keys, contents)
    assert len(broken) == 1
    assert list(check_structure(repository, "one")) == []
    for snapshot in ("one", ALL):
        findings = list(check_data(repository, snapshot))
        assert {key for key in keys for span in lost(findings) if covers(span, key)} == broken


def test_a_file_whose_list_of_chunks_is_damaged_is_named(tmp_path: Path) -> None:
    repository = made(disk(tmp_path), SMALL, BIG)
    root = ManyChunks(repository).tree(1000)
    keys = [key_of("bucket", name) for name in ("a", "b", "c")]
    values = [record(b"", ()), record(b"x" * 1000, root), record(b"x" * 1000, root._replace(id=bytes(32)))]
    with repository.writer() as writer:
        tree = build(writer, repository.chunking, [(keys, values)])
        writer.flush()
    put_unproven(repository, dataclasses.replace(manifest("one", tree), roots={"media": tree}))
    (finding,) = check_structure(repository, "one")
    assert finding.lost == (keys[1], keys[2])
    assert finding.code == "missing"


def test_a_chunk_that_no_index_names_is_missing(tmp_path: Path) -> None:
    repository = made(disk(tmp_path), SMALL, BIG)
    keys = [key_of("bucket", name) for name in ("a", "b")]
    with repository.writer() as writer:
        values = [record(b"x", (Chunk(bytes(32), 1),)), record(b"y", None)]
        tree = build(writer, repository.chunking, [(keys, values)])
        writer.flush()
    put_unproven(repository, dataclasses.replace(manifest("one", tree), roots={"media": tree}))
    findings = list(check_structure(repository, "one"))
    assert [finding.code for finding in findings] == ["missing", "corrupt"]
    assert lost(findings) == [(b"", keys[0]), (keys[0], keys[1])]
    with pytest.raises(Missing):
        list(open_file(repository, values[0]))
