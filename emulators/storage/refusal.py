"""The one exception a request may be refused with, in the service's words; `messages` renders it as JSON or XML.

Reasons and statuses are those of https://cloud.google.com/storage/docs/json_api/v1/status-codes.
"""

from __future__ import annotations


class Refused(Exception):  # an answer, not a fault of ours
    """An HTTP status, the JSON API's reason, and the wording the client sees."""

    def __init__(
        self, status: int, reason: str, message: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.headers = headers


def invalid(message: str) -> Refused:
    return Refused(400, "invalid", message)


def required(what: str) -> Refused:
    return Refused(400, "required", f"Required parameter: {what}")


def forbidden(message: str) -> Refused:
    return Refused(403, "forbidden", message)


def no_bucket() -> Refused:
    return Refused(404, "notFound", "The specified bucket does not exist.")


def no_object(bucket: str, name: str, generation: int | None = None) -> Refused:
    suffix = "" if generation is None else f"#{generation}"
    return Refused(404, "notFound", f"No such object: {bucket}/{name}{suffix}")


def not_found(message: str = "Not Found") -> Refused:
    return Refused(404, "notFound", message)


def conflict(message: str) -> Refused:
    return Refused(409, "conflict", message)


def condition_not_met() -> Refused:
    return Refused(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")


def not_modified() -> Refused:
    return Refused(304, "notModified", "Not Modified")


def bad_range(size: int) -> Refused:
    return Refused(
        416,
        "requestedRangeNotSatisfiable",
        "The requested range cannot be satisfied.",
        (("Content-Range", f"bytes */{size}"),),
    )


def unsupported(feature: str) -> Refused:
    return Refused(501, "notImplemented", f"{feature} is not supported by this emulator.")
