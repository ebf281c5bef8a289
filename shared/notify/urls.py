"""Channels of the library `apprise`: mail, Slack, webhooks and the rest, each one URL on a line of a file.

Such a URL holds its password or token, so it is told nowhere: a channel is named by its service and its line. The
library is loaded when there is such a file, and only then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.errors import BadInput, Denied, Unavailable
from shared.notify.contract import Channel, Notice
from shared.notify.guard import Network, guarded

_DESKTOP: Final = frozenset({"dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Schemes that tell the machine they run on, and nobody else."""


def url_channels(text: str, allowed: tuple[Network, ...] = ()) -> list[Channel]:
    """One for each line that is not empty and does not begin with #. BadInput names the line that is no such URL.

    `allowed` are internal networks that they may reach all the same.
    """
    import apprise

    asset = apprise.AppriseAsset(app_id="firekeep", async_mode=False, http_redirects=False)
    made: list[Channel] = []
    for number, url in _lines(text):
        plugin = None if _scheme(url) in _DESKTOP else _plugin(apprise, url, asset)
        if plugin is None:
            raise BadInput(
                f"line {number} of the file of notifications is not the URL of a service",
                hint="write one URL of apprise on each line, such as mailto://user:password@example.com",
            )
        made.append(UrlChannel(number, plugin, apprise.Apprise(asset=asset), allowed))
    return made


class UrlChannel:
    """One service."""

    def __init__(self, line: int, plugin: Any, sender: Any, allowed: tuple[Network, ...]) -> None:
        self._name = f"{plugin.service_name}, line {line}"
        self._sender = sender
        self._allowed = allowed
        sender.add(plugin)

    @property
    def name(self) -> str:
        return self._name

    def __call__(self, notice: Notice) -> None:
        kind = "failure" if notice.began else "success"
        with guarded(self._allowed) as gate:
            try:
                sent = self._sender.notify(body=notice.text, title=notice.subject, notify_type=kind)
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


def _plugin(apprise: Any, url: str, asset: Any) -> Any:
    """The library's object for a URL; None for what is none. What it thinks of it names the URL: it is not told."""
    with guarded():
        return apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        url = line.strip()
        if url and not url.startswith("#"):
            yield number, url


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()
