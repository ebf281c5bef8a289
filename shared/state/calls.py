"""How Firestore is called: only our own errors leave, and a list that breaks off is asked for anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from google.api_core import exceptions as google_errors
from google.api_core.retry import Retry, if_exception_type
from google.cloud import firestore

from shared.errors import BadInput, Denied, FirekeepError, Unavailable

_AGAIN = Retry(
    predicate=if_exception_type(
        google_errors.ServiceUnavailable, google_errors.DeadlineExceeded, google_errors.InternalServerError
    ),
    initial=0.1,
    maximum=10.0,
    timeout=60.0,
)
"""The library's own policy for queries; see `listed`."""
_ONCE = Retry(predicate=lambda _: False)


def listed(query: Any) -> list[Any]:
    """All results, asked for anew when the stream breaks off. What the library does then by itself fails with an
    AttributeError, or with a TypeError before the first result (google-cloud-firestore 2.34).
    """
    found: list[Any] = _AGAIN(lambda: list(query.stream(retry=_ONCE)))()
    return found


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """Let only our own errors leave."""
    try:
        yield
    except FirekeepError:
        raise
    except (google_errors.PermissionDenied, google_errors.Unauthenticated) as error:
        raise Denied(
            f"{doing} failed: not allowed", hint="grant roles/datastore.user on the state database"
        ) from error
    except google_errors.InvalidArgument as error:
        raise BadInput(f"{doing} failed: Firestore refused the request") from error
    except google_errors.GoogleAPIError as error:
        raise Unavailable(
            f"{doing} failed: {type(error).__name__}", hint="it is tried again on redelivery"
        ) from error
    except ValueError as error:
        # The client library reports a transaction that ran out of attempts as a ValueError.
        if "transaction" not in str(error).lower():
            raise
        raise Unavailable(
            f"{doing} failed: too much contention", hint="it is tried again on redelivery"
        ) from error


_CHANGED = (
    google_errors.FailedPrecondition,
    google_errors.AlreadyExists,
    google_errors.NotFound,
    google_errors.Aborted,
)


def write_if(reference: Any, data: Mapping[str, Any], version: Any, fields: Iterable[str] = ()) -> Any:
    """Write these fields if the document is still the one of `version`, its update time; None for one that is not
    there yet. Those of `fields` that have no value are removed. The new version, or None when it has changed.
    """
    try:
        if version is None:
            return reference.create(dict(data)).update_time
        absent = {name: firestore.DELETE_FIELD for name in fields if name not in data}
        option = firestore.Client.write_option(last_update_time=version)
        return reference.update({**data, **absent}, option=option).update_time
    except _CHANGED:
        return None
