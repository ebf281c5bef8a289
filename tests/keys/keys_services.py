"""Stand-ins for Cloud KMS and Secret Manager: the services' own messages over gRPC, real AES underneath.

What they refuse is refused as the services do: status, and the words that name a permission or a state.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.cloud import kms_v1, secretmanager_v1
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)
from google_crc32c import value as crc32c

KEY = "projects/my-app/locations/europe-west1/keyRings/backups/cryptoKeys/firekeep"
OTHER_KEY = KEY + "-other"
SECRET = "projects/my-app/secrets/firekeep-key"
OTHER_SECRET = SECRET + "-other"


@dataclass
class Version:
    secret: bytes
    state: str = "ENABLED"


@dataclass
class Services:
    """Both, with what they hold and how they are to fail."""

    kms: Any = None
    secrets: Any = None
    versions: dict[str, list[Version]] = field(default_factory=dict)
    lacking: set[str] = field(default_factory=set)
    """Permissions that the caller does not have."""
    failing: list[grpc.StatusCode] = field(default_factory=list)
    """How the next calls end."""
    damaging: str = ""
    """"request" or "answer": what the next call finds damaged on the way."""
    calls: int = 0

    def rotate(self, key: str) -> None:
        self.versions[key].append(Version(os.urandom(32)))

    def _damages(self, what: str) -> bool:
        hit = self.damaging == what
        self.damaging = "" if hit else self.damaging
        return hit

    def begin(self, context: grpc.ServicerContext, name: str, permission: str, what: str) -> list[Version]:
        self.calls += 1
        if self.failing:
            context.abort(self.failing.pop(0), "The service is currently unavailable.")
        if permission in self.lacking:
            at = "on resource" if "kms" in permission else "for resource"
            context.abort(
                grpc.StatusCode.PERMISSION_DENIED,
                f"Permission '{permission}' denied {at} '{name}' (or it may not exist).",
            )
        if name not in self.versions:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{what} {name} not found.")
        return self.versions[name]

    def encrypt(self, request: Any, context: grpc.ServicerContext) -> Any:
        versions = self.begin(context, request.name, "cloudkms.cryptoKeyVersions.useToEncrypt", "CryptoKey")
        if self._damages("request") or crc32c(request.plaintext) != request.plaintext_crc32c:
            _damaged(context, "plaintext")
        primary = versions[-1]
        name = f"{request.name}/cryptoKeyVersions/{len(versions)}"
        _check_enabled(context, name, primary)
        nonce = os.urandom(12)
        sealed = AESGCM(primary.secret).encrypt(
            nonce, request.plaintext, request.additional_authenticated_data
        )
        ciphertext = bytes([len(versions)]) + nonce + sealed
        return kms_v1.EncryptResponse(
            name=name,
            ciphertext=ciphertext,
            ciphertext_crc32c=crc32c(ciphertext) ^ self._damages("answer"),
            verified_plaintext_crc32c=not self._damages("verified"),
            verified_additional_authenticated_data_crc32c=True,
        )

    def decrypt(self, request: Any, context: grpc.ServicerContext) -> Any:
        versions = self.begin(context, request.name, "cloudkms.cryptoKeyVersions.useToDecrypt", "CryptoKey")
        if self._damages("request") or crc32c(request.ciphertext) != request.ciphertext_crc32c:
            _damaged(context, "ciphertext")
        data: bytes = request.ciphertext
        if not data or not 1 <= data[0] <= len(versions):
            _undecryptable(context)
        version = versions[data[0] - 1]
        _check_enabled(context, f"{request.name}/cryptoKeyVersions/{data[0]}", version)
        try:
            plaintext = AESGCM(version.secret).decrypt(
                data[1:13], data[13:], request.additional_authenticated_data
            )
        except (InvalidTag, ValueError):
            _undecryptable(context)
        return kms_v1.DecryptResponse(
            plaintext=plaintext, plaintext_crc32c=crc32c(plaintext) ^ self._damages("answer")
        )

    def add(self, request: Any, context: grpc.ServicerContext) -> Any:
        versions = self.begin(context, request.parent, "secretmanager.versions.add", "Secret")
        if self._damages("request") or crc32c(request.payload.data) != request.payload.data_crc32c:
            _damaged(context, "payload.data")
        versions.append(Version(request.payload.data))
        name = request.parent.replace("my-app", "123456789")
        return secretmanager_v1.SecretVersion(name=f"{name}/versions/{len(versions)}")

    def access(self, request: Any, context: grpc.ServicerContext) -> Any:
        secret, _, number = request.name.partition("/versions/")
        versions = self.begin(context, secret, "secretmanager.versions.access", "Secret")
        if not 1 <= int(number) <= len(versions):
            context.abort(grpc.StatusCode.NOT_FOUND, f"Secret Version [{request.name}] not found.")
        version = versions[int(number) - 1]
        if version.state != "ENABLED":
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"Secret Version [{request.name}] is in {version.state} state.",
            )
        checksum = crc32c(version.secret) ^ self._damages("answer")
        return secretmanager_v1.AccessSecretVersionResponse(
            name=request.name, payload={"data": version.secret, "data_crc32c": checksum}
        )


def _check_enabled(context: grpc.ServicerContext, name: str, version: Version) -> None:
    if version.state != "ENABLED":
        context.abort(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"{name} is not enabled, current state is: {version.state}.",
        )


def _undecryptable(context: grpc.ServicerContext) -> NoReturn:
    context.abort(
        grpc.StatusCode.INVALID_ARGUMENT,
        "Decryption failed: verify that 'name' refers to the correct CryptoKey.",
    )
    raise AssertionError


def _damaged(context: grpc.ServicerContext, name: str) -> None:
    context.abort(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"The checksum in field {name}_crc32c did not match the data in field {name}.",
    )


def _handler(act: Callable[..., Any], asked: Any, answered: Any) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(
        act, request_deserializer=asked.deserialize, response_serializer=answered.serialize
    )


@contextmanager
def key_services() -> Iterator[Services]:
    """Both services on a free port of this machine, and the production clients that talk to them."""
    services = Services(
        versions={
            KEY: [Version(os.urandom(32))],
            OTHER_KEY: [Version(os.urandom(32))],
            SECRET: [],
            OTHER_SECRET: [],
        }
    )
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "google.cloud.kms.v1.KeyManagementService",
                {
                    "Encrypt": _handler(services.encrypt, kms_v1.EncryptRequest, kms_v1.EncryptResponse),
                    "Decrypt": _handler(services.decrypt, kms_v1.DecryptRequest, kms_v1.DecryptResponse),
                },
            ),
            grpc.method_handlers_generic_handler(
                "google.cloud.secretmanager.v1.SecretManagerService",
                {
                    "AddSecretVersion": _handler(
                        services.add,
                        secretmanager_v1.AddSecretVersionRequest,
                        secretmanager_v1.SecretVersion,
                    ),
                    "AccessSecretVersion": _handler(
                        services.access,
                        secretmanager_v1.AccessSecretVersionRequest,
                        secretmanager_v1.AccessSecretVersionResponse,
                    ),
                },
            ),
        )
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        services.kms = kms_v1.KeyManagementServiceClient(
            transport=KeyManagementServiceGrpcTransport(channel=channel)
        )
        services.secrets = secretmanager_v1.SecretManagerServiceClient(
            transport=SecretManagerServiceGrpcTransport(channel=channel)
        )
        try:
            yield services
        finally:
            server.stop(None).wait(5)
