"""Tokens of Firebase Auth and App Check, verified by firebase-admin.

Beside an Auth emulator firebase-admin checks neither signature nor expiry; the composition root sees to it that
this cannot happen to real data.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

import firebase_admin
from firebase_admin import auth, exceptions
from google.auth import exceptions as google_errors

from shared.errors import Denied, Unavailable
from shared.identity.contract import Caller

ROLE_CLAIM: Final = "firekeep"
MAX_TOKEN: Final = 16_384
"""Characters. Firebase's own have about a thousand."""


class FirebaseIdentity:
    """`app_check` and `check_revoked` are switches: the second costs a look-up of the account for each call."""

    def __init__(self, app: Any, *, app_check: bool, check_revoked: bool) -> None:
        self._app = app
        self._app_check = app_check
        self._check_revoked = check_revoked

    def caller(self, token: str) -> Caller:
        _check_form(token, "the ID token")
        try:
            claims = auth.verify_id_token(token, self._app, check_revoked=self._check_revoked)
        except (
            auth.InvalidIdTokenError,
            auth.UserDisabledError,
            auth.UserNotFoundError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
        ) as error:
            # The last four are what a token of the right form and a wrong content makes of the library.
            raise Denied("the ID token is not valid", hint="sign in again") from error
        except (exceptions.FirebaseError, google_errors.GoogleAuthError) as error:
            raise Unavailable("verifying an ID token: certificates or the account cannot be had") from error
        role = claims.get(ROLE_CLAIM)
        return Caller(str(claims["uid"]), role if isinstance(role, str) else "")

    def check_app(self, token: str) -> None:
        if not self._app_check:
            return
        _check_form(token, "the App Check token")
        import jwt
        from firebase_admin import app_check

        try:
            app_check.verify_token(token, self._app)
        except jwt.PyJWKClientConnectionError as error:
            raise Unavailable("verifying an App Check token: the keys cannot be had") from error
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise Denied("the App Check token is not valid", hint="call from an attested app") from error
        except exceptions.FirebaseError as error:
            raise Unavailable("verifying an App Check token: its service does not answer") from error


def open_app(project: str) -> Any:
    """firebase-admin for this project, under a name of our own so that nothing else shares it."""
    return firebase_admin.initialize_app(options={"projectId": project}, name="firekeep-identity")


def _check_form(token: str, what: str) -> None:
    """Denied for what is no token at all: two objects in base64 and a signature. Libraries expect one."""
    parts = token.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3 or not all(_is_object(part) for part in parts[:2]):
        raise Denied(f"{what} is not a token", hint="sign in again")


def _is_object(part: str) -> bool:
    try:
        found = json.loads(base64.urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(found, dict)
