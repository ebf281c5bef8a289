"""One callable function, for the web client."""

from __future__ import annotations

import firebase_admin
import flask
from firebase_admin import auth


def greet(request: flask.Request) -> flask.typing.ResponseReturnValue:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token:
        return {"error": {"status": "UNAUTHENTICATED", "message": "sign in first", "details": {"a": 1}}}, 401
    if not firebase_admin._apps:
        firebase_admin.initialize_app()
    user = auth.verify_id_token(token)
    return {"result": {"uid": user["uid"], "role": user.get("role"), "echo": request.get_json()["data"]}}
