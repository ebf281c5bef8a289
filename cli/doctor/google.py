"""Google's REST APIs as the doctor asks them: read-only calls, with the caller's own credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests
from google.auth.exceptions import GoogleAuthError

from shared.errors import Denied, NotFound, Unavailable

if TYPE_CHECKING:
    from shared.settings import Settings

_TIMEOUT_S = 30
_MOST_PAGES = 1_000
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


class Google:
    """`stand_ins` are URLs in the place of `https://SERVICE.googleapis.com`, by service; they ask for no sign-in."""

    def __init__(self, stand_ins: Mapping[str, str]) -> None:
        self._stand_ins = stand_ins
        self._real: Any = None

    def get(self, service: str, path: str, **query: Any) -> dict[str, Any]:
        """The answer to GET. Raises NotFound, Denied or Unavailable, saying what was asked."""
        return self._ask("GET", service, f"{path}?{urlencode(query, doseq=True)}" if query else path, None)

    def post(self, service: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("POST", service, path, body)

    def pages(self, service: str, path: str, field: str, **query: Any) -> Iterator[dict[str, Any]]:
        """What all pages of a list hold in `field`."""
        for _ in range(_MOST_PAGES):
            page = self.get(service, path, **query)
            yield from page.get(field, ())
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]
        raise Unavailable(f"listing {field} of {service} does not end")

    def _ask(self, method: str, service: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        doing = f"asking {service}.googleapis.com for {path.partition('?')[0]}"
        front = self._stand_ins.get(service)
        try:
            http = self._session() if front is None else _nobody()
            answer = http.request(
                method, (front or f"https://{service}.googleapis.com") + path, json=body, timeout=_TIMEOUT_S
            )
            found = answer.json() if answer.content else {}
        except GoogleAuthError:
            raise Denied(
                f"{doing}: there are no Google credentials, or they have expired",
                hint="run `gcloud auth application-default login`",
            ) from None
        except (requests.RequestException, ValueError) as error:
            raise Unavailable(
                f"{doing}: {type(error).__name__}", hint="look at the network, and try again"
            ) from None
        if answer.status_code == 404:
            raise NotFound(f"{doing}: there is no such thing")
        if answer.status_code in (401, 403):
            raise Denied(
                f"{doing}: not allowed, or the API is not enabled",
                hint=f"gcloud services enable {service}.googleapis.com; and have roles/viewer on the project",
            )
        if answer.status_code != 200 or not isinstance(found, dict):
            raise Unavailable(f"{doing}: it answered {answer.status_code}", hint="try again")
        return found

    def _session(self) -> Any:
        if self._real is None:
            import google.auth
            from google.auth.transport.requests import AuthorizedSession

            credentials, _ = google.auth.default(scopes=_SCOPES)
            self._real = AuthorizedSession(credentials)
        return self._real


def google_of(chosen: Settings) -> Google:
    """The real services, or for what has an emulator in these settings, that."""
    stand_ins = {}
    if chosen.storage_emulator:
        host = chosen.storage_emulator
        stand_ins["storage"] = host if "://" in host else f"http://{host}"
    if chosen.auth_emulator:
        stand_ins["identitytoolkit"] = f"http://{chosen.auth_emulator}/identitytoolkit.googleapis.com"
    return Google(stand_ins)


def _nobody() -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = "Bearer owner"
    session.trust_env = False
    return session
