"""The protocol's message classes, from the descriptors in schema.binpb.

Importing google.cloud.firestore takes three times as long as starting the whole emulator, and its classes wrap the
ones used here, so the descriptors are kept beside this module and loaded into a pool of their own.
`python -m emulators.firestore.schema` writes the file again after an upgrade of the client library.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FILE = Path(__file__).with_name("schema.binpb")
PACKAGE = "google.firestore.v1"


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(FILE.read_bytes()).file:
        pool.Add(file)
    return pool


@cache
def message(name: str) -> Any:
    """The class of a message: `Document`, `StructuredQuery`, or a full name such as `google.rpc.Status`."""
    full = name if name.startswith("google.") else f"{PACKAGE}.{name}"
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(full))


def _add_verify(files: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    """Give Write its `verify`, which other languages' clients send and the Python client's descriptors leave out."""
    (write,) = (kind for file in files.values() for kind in file.message_type if kind.name == "Write")
    operation = [one.name for one in write.oneof_decl].index("operation")
    kinds = descriptor_pb2.FieldDescriptorProto
    write.field.add(
        name="verify", number=5, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL, oneof_index=operation
    )


def describe() -> bytes:
    """The descriptors of the installed client library, dependencies first, as a serialized FileDescriptorSet."""
    from google.cloud.firestore_v1.types import firestore

    found: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(file: Any) -> None:
        if file.name in found:
            return
        for dependency in sorted(file.dependencies, key=lambda needed: str(needed.name)):
            add(dependency)
        found[file.name] = copy = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(copy)
        # The library's order differs from one process to the next.
        copy.dependency.sort()

    add(firestore.ListDocumentsRequest.pb().DESCRIPTOR.file)
    _add_verify(found)
    return descriptor_pb2.FileDescriptorSet(file=found.values()).SerializeToString(deterministic=True)


if __name__ == "__main__":
    FILE.write_bytes(describe())
