"""Tokens signed with a key of our own, which a small server on loopback publishes in Google's place."""

from __future__ import annotations

import base64
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import firebase_admin
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from firebase_admin import credentials
from google.auth.credentials import AnonymousCredentials

PROJECT = "demo-callables"
NUMBER = "123456789012"
ISSUER = f"https://securetoken.google.com/{PROJECT}"


class Anonymous(credentials.Base):
    def get_credential(self) -> Any:
        return AnonymousCredentials()


class Signer:
    """A key with its certificate, under the id that Google would give it."""

    def __init__(self, kid: str = "key-1") -> None:
        self.kid = kid
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
            .decode()
        )

    def sign(self, claims: dict[str, Any], **headers: Any) -> str:
        # Below the level at which the library refuses to sign odd claims.
        body = json.dumps(claims).encode()
        return jwt.PyJWS().encode(body, self.key, "RS256", headers={"kid": self.kid, **headers})

    def id_token(self, uid: str = "ada", role: Any = None, **changed: Any) -> str:
        return self.sign(id_claims(uid, role, **changed))

    def app_token(self, **changed: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": f"https://firebaseappcheck.googleapis.com/{NUMBER}",
            "aud": [f"projects/{NUMBER}", f"projects/{PROJECT}"],
            "sub": "1:1:web:1",
            "iat": now - 10,
            "exp": now + 600,
        }
        return self.sign({**claims, **changed}, typ="JWT")


def id_claims(uid: str = "ada", role: Any = None, **changed: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": PROJECT,
        "sub": uid,
        "user_id": uid,
        "auth_time": now - 60,
        "iat": now - 60,
        "exp": now + 600,
        **({} if role is None else {"firekeep": role}),
        **changed,
    }
    return {name: value for name, value in claims.items() if value is not ...}


def unsigned(header: Any, claims: Any, signature: bytes = b"") -> str:
    """Three parts of whatever is given."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


class KeyServer:
    """Publishes a signer's key as Google does, as certificates and as JWKs."""

    def __init__(self, signer: Signer) -> None:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(signer.key.public_key()))
        pages = {
            "/certs": {signer.kid: signer.certificate},
            "/jwks": {"keys": [{**key, "kid": signer.kid, "alg": "RS256", "use": "sig"}]},
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = pages.get(self.path)
                self.send_response(200 if found else 503)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def open_app(name: str) -> Any:
    return firebase_admin.initialize_app(Anonymous(), {"projectId": PROJECT}, name)
