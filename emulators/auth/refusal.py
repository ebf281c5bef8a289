"""The one exception a call may be refused with, and the service's JSON for it."""

from __future__ import annotations

from typing import Any

_STATUSES = {
    401: ("UNAUTHENTICATED", "required"),
    403: ("PERMISSION_DENIED", "forbidden"),
    404: ("NOT_FOUND", "notFound"),
    501: ("UNIMPLEMENTED", "unimplemented"),
    507: ("RESOURCE_EXHAUSTED", "storageFull"),
}


class Refused(Exception):  # an answer, not a fault of ours
    """An HTTP status and the wording the client sees: `CODE` or `CODE : explanation`."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    def body(self) -> dict[str, Any]:
        name, reason = _STATUSES.get(self.status, ("INVALID_ARGUMENT", "invalid"))
        detail = {"message": self.message, "domain": "global", "reason": reason}
        error = {"code": self.status, "message": self.message, "errors": [detail], "status": name}
        return {"error": error}


def require(condition: object, message: str) -> None:
    """Raises Refused with `message` unless the condition holds."""
    if not condition:
        raise Refused(message)


def unsupported(feature: str) -> Refused:
    return Refused(f"{feature} is not supported by this emulator.", 501)


def unreadable(problem: str) -> Refused:
    return Refused(f"Invalid JSON payload received. {problem}")
