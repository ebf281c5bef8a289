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


def describe() -> bytes:
    """The descriptors of the installed client library, dependencies first, as a serialized FileDescriptorSet."""
    from google.cloud.firestore_v1.types import firestore

    found: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(file: Any) -> None:
        if file.name in found:
            return
        for dependency in file.dependencies:
            add(dependency)
        found[file.name] = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(found[file.name])

    add(firestore.ListDocumentsRequest.pb().DESCRIPTOR.file)
    return descriptor_pb2.FileDescriptorSet(file=found.values()).SerializeToString(deterministic=True)


if __name__ == "__main__":
    FILE.write_bytes(describe())
