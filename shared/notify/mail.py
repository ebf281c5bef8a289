"""Mail by way of a Firestore collection, as the extension Trigger Email from Firestore reads it.

The document's id is the notice's, so that trying again sends nothing twice.
https://extensions.dev/extensions/firebase/firestore-send-email
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from google.api_core import exceptions as google_errors

from shared.errors import Denied, Unavailable
from shared.notify.contract import Notice

_TIMEOUT_S = 20.0


class MailChannel:
    """Documents `{collection}/firekeep-{id}`. The client is made at first use."""

    def __init__(self, client: Callable[[], Any], collection: str, to: Sequence[str]) -> None:
        self._client = client
        self._collection = collection
        self._to = list(to)

    @property
    def name(self) -> str:
        return f"collection {self._collection}"

    def __call__(self, notice: Notice) -> None:
        document = {"to": self._to, "message": {"subject": notice.subject, "text": notice.text}}
        reference = self._client().collection(self._collection).document(f"firekeep-{notice.id}")
        try:
            reference.create(document, timeout=_TIMEOUT_S)
        except google_errors.AlreadyExists:
            return
        except (google_errors.PermissionDenied, google_errors.Unauthenticated) as error:
            raise Denied(
                f"notifying {self.name}: not allowed", hint="grant roles/datastore.user on the database"
            ) from error
        except google_errors.GoogleAPIError as error:
            raise Unavailable(f"notifying {self.name}: {type(error).__name__}") from error
