"""Channels of the library `apprise`: mail, Slack, webhooks and the rest, each one URL on a line of a file.

Such a URL holds its password or token, so it is told nowhere: a channel is named by its service and its line. The
library is loaded when there is such a file, and only then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from shared.errors import BadInput, Denied, FirekeepError, Unavailable
from shared.notify.contract import Channel, Notice
from shared.notify.guard import Network, guarded

_SCHEME = re.compile("([A-Za-z][A-Za-z0-9]{1,19})://")
_DESKTOP: Final = frozenset({"dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Schemes that tell the machine they run on, and nobody else."""


def url_channels(text: str, allowed: tuple[Network, ...] = ()) -> list[Channel]:
    """One for each line that is not empty and does not begin with #; what is wrong with a line shows when it is used.

    `allowed` are internal networks that they may reach all the same.
    """
    return [UrlChannel(number, url, allowed) for number, url in _lines(text)]


class UrlChannel:
    """One service. BadInput from the call when the line is not the URL of one."""

    def __init__(self, line: int, url: str, allowed: tuple[Network, ...]) -> None:
        self._line = line
        self._url = url
        self._allowed = allowed

    @property
    def name(self) -> str:
        scheme = _scheme(self._url)
        return f"line {self._line} ({scheme})" if scheme else f"line {self._line}"

    def __call__(self, notice: Notice) -> None:
        with guarded(self._allowed) as gate:
            sender = self._sender()
            kind = "failure" if notice.began else "success"
            try:
                sent = sender.notify(body=notice.text, title=notice.subject, notify_type=kind)
            except Exception:  # noqa: BLE001  # a plugin may raise anything, and tell its token with it
                sent = False
        if sent:
            return
        if gate.refused:
            raise Denied(
                f"notifying {self.name}: {gate.refused}",
                hint="name a public address, or its network in FIREKEEP_NOTIFY_NETWORKS",
            )
        raise Unavailable(f"notifying {self.name}: it was not accepted", hint="check the URL on that line")

    def _sender(self) -> Any:
        import apprise

        asset = apprise.AppriseAsset(app_id="firekeep", async_mode=False, http_redirects=False)
        sender = apprise.Apprise(asset=asset)
        if _scheme(self._url) in _DESKTOP or not sender.add(self._url):
            raise BadInput(
                f"line {self._line} of the file of notifications is not the URL of a service",
                hint="write one URL of apprise on each line, such as mailtos://user:password@example.com",
            )
        return sender


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        url = line.strip()
        if url and not url.startswith("#"):
            yield number, url


def _scheme(url: str) -> str:
    found = _SCHEME.match(url)
    return found[1].lower() if found else ""


class BrokenFile:
    """Stands in for the channels of a file that cannot be read."""

    def __init__(self, error: FirekeepError) -> None:
        self._error = error

    @property
    def name(self) -> str:
        return "the file of notifications"

    def __call__(self, notice: Notice) -> None:  # noqa: ARG002  # the port's signature
        raise self._error
