"""A blob store in memory, at the port: ids are keyed BLAKE3 of the kind and the plaintext, checked on reading."""

from __future__ import annotations

from blake3 import blake3

from shared.errors import Corrupt, Missing
from shared.repository.blobs import BlobKind

KEY = bytes(range(32))


class MemoryBlobs:
    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.reads: list[tuple[BlobKind, bytes]] = []
        self.puts: list[tuple[BlobKind, bytes, bytes | None]] = []

    def get(self, kind: BlobKind, blob_id: bytes) -> bytes:
        self.reads.append((kind, blob_id))
        data = self.data.get(blob_id)
        if data is None:
            raise Missing(f"reading blob {blob_id.hex()}: there is none")
        if self._id(kind, data) != blob_id:
            raise Corrupt(f"reading blob {blob_id.hex()}: its content does not match")
        return data

    def put(self, kind: BlobKind, data: bytes, like: bytes | None = None) -> bytes:
        blob_id = self._id(kind, data)
        self.puts.append((kind, blob_id, like))
        self.data.setdefault(blob_id, data)
        return blob_id

    def holds(self, kind: BlobKind, blob_id: bytes) -> bool:
        return blob_id in self.data

    def count_reads(self, kind: BlobKind) -> int:
        return sum(1 for read, _ in self.reads if read is kind)

    def forget(self) -> None:
        """Forget what was read and put so far; the blobs stay."""
        self.reads.clear()
        self.puts.clear()

    @staticmethod
    def _id(kind: BlobKind, data: bytes) -> bytes:
        return blake3(bytes((kind,)) + data, key=KEY).digest()
