"""A hold in S3 is Object Lock's: in the mode asked for, never shortened, and no reader loses sight of what is held."""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from random import Random
from threading import Thread
from typing import Any

import pytest
from botocore.session import Session
from provider_proxy import Fault, proxy
from provider_samples import HandClock
from provider_servers import LOCKED, S3, s3, s3_server

from shared.errors import BadInput, Conflict, Denied, NotFound, Unavailable, Unsupported
from shared.providers.objects import ObjectStoreProvider
from shared.providers.retry import Backoff, RetryingProvider
from shared.providers.stores import s3_provider

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
LATER = SOON + timedelta(days=1)
_numbers = count()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def lead() -> str:
    return f"at-{next(_numbers)}"


@pytest.fixture
def provider(url: str, lead: str) -> ObjectStoreProvider:
    provider = s3(url, lead, bucket=LOCKED)
    provider.put("a/b=c", b"kept")
    return provider


def owner(url: str) -> Any:
    """The bucket's owner, by another library."""
    return Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=S3["access_key_id"],
        aws_secret_access_key=S3["secret_access_key"],
    )


def kept(url: str, key: str) -> tuple[str, datetime]:
    found = owner(url).head_object(Bucket=LOCKED, Key=key)
    return found["ObjectLockMode"], found["ObjectLockRetainUntilDate"]


def test_a_hold_is_governance_unless_it_is_locked(provider: ObjectStoreProvider, url: str, lead: str) -> None:
    provider.hold("a/b=c", SOON)
    assert kept(url, f"{lead}/a/b=c") == ("GOVERNANCE", SOON)
    s3(url, lead, bucket=LOCKED, lock=True).hold("a/b=c", LATER)
    assert kept(url, f"{lead}/a/b=c") == ("COMPLIANCE", LATER)


def test_what_nobody_can_undo_stays_so_when_it_is_held_longer(
    provider: ObjectStoreProvider, url: str, lead: str
) -> None:
    s3(url, lead, bucket=LOCKED, lock=True).hold("a/b=c", SOON)
    provider.hold("a/b=c", LATER)
    assert kept(url, f"{lead}/a/b=c") == ("COMPLIANCE", LATER)


def test_what_is_held_is_seen_by_every_reader_after_a_delete(
    provider: ObjectStoreProvider, url: str, lead: str
) -> None:
    provider.hold("a/b=c", SOON)
    with pytest.raises(Denied, match="held"):
        provider.delete("a/b=c")
    assert provider.get("a/b=c") == b"kept"
    assert [found.key for found in provider.list("a/")] == ["a/b=c"]
    assert "DeleteMarkers" not in owner(url).list_object_versions(Bucket=LOCKED, Prefix=lead)


def test_what_is_held_gets_no_newer_version(provider: ObjectStoreProvider) -> None:
    version = provider.stat("a/b=c").version
    provider.hold("a/b=c", SOON)
    with pytest.raises(Denied, match="held"):
        provider.put("a/b=c", b"other", version)
    with pytest.raises(Conflict):
        provider.put("a/b=c", b"other")
    assert provider.get("a/b=c") == b"kept"


def test_parts_of_a_second_are_held_too(provider: ObjectStoreProvider) -> None:
    provider.hold("a/b=c", SOON + timedelta(microseconds=1))
    assert provider.stat("a/b=c").held_until == SOON + timedelta(seconds=1)


def test_a_time_that_has_passed_holds_nothing(provider: ObjectStoreProvider) -> None:
    provider.hold("a/b=c", datetime(2020, 1, 1, tzinfo=UTC))
    assert provider.stat("a/b=c").held_until is None
    with pytest.raises(BadInput, match="zone"):
        provider.hold("a/b=c", SOON.replace(tzinfo=None))


def test_another_zones_time_is_the_same_time(provider: ObjectStoreProvider) -> None:
    provider.hold("a/b=c", SOON.astimezone(timezone(timedelta(hours=-9, minutes=-30))))
    assert provider.stat("a/b=c").held_until == SOON


def test_a_legal_hold_counts_and_has_no_end(provider: ObjectStoreProvider, url: str, lead: str) -> None:
    where = {"Bucket": LOCKED, "Key": f"{lead}/a/b=c"}
    owner(url).put_object_legal_hold(**where, LegalHold={"Status": "ON"})
    with pytest.raises(Denied, match="held"):
        provider.delete("a/b=c")
    held = provider.stat("a/b=c").held_until
    assert held is not None and held.year == 9999
    provider.hold("a/b=c", LATER)
    owner(url).put_object_legal_hold(**where, LegalHold={"Status": "OFF"})
    provider.delete("a/b=c")
    with pytest.raises(NotFound):
        provider.stat("a/b=c")


def test_a_default_retention_of_the_bucket_is_told_and_kept(url: str, lead: str) -> None:
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}
    owner(url).create_bucket(Bucket="by-default", ObjectLockEnabledForBucket=True)
    owner(url).put_object_lock_configuration(
        Bucket="by-default", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    provider = s3(url, lead, bucket="by-default")
    owner(url).put_object(Bucket="by-default", Key=f"{lead}/object", Body=b"kept", ChecksumAlgorithm="SHA256")
    held = provider.stat("object").held_until
    assert held is not None and timedelta(days=2) < held - datetime.now(UTC) <= timedelta(days=3)
    with pytest.raises(Denied, match="held"):
        provider.delete("object")


def test_an_upload_has_the_checksum_that_a_default_retention_asks_for() -> None:
    sent: list[str] = []

    class Listening(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            sent.append(self.headers["x-amz-checksum-sha256"])
            self.send_response(200)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Listening) as server:
        answering = Thread(target=server.handle_request)
        answering.start()
        s3(f"http://127.0.0.1:{server.server_port}").put("object", b"kept")
        answering.join(10)
    assert sent == [base64.b64encode(hashlib.sha256(b"kept").digest()).decode()]


def test_a_bucket_without_locks_says_how_to_get_them(url: str, lead: str) -> None:
    owner(url).create_bucket(Bucket="versions-alone")
    owner(url).put_bucket_versioning(Bucket="versions-alone", VersioningConfiguration={"Status": "Enabled"})
    for provider in (s3(url, lead), s3(url, lead, bucket="versions-alone")):
        provider.put("object", b"x")
        with pytest.raises(Unsupported, match="held one by one") as caught:
            provider.hold("object", SOON)
        assert "Object Lock" in caught.value.hint
        provider.delete("object")
        with pytest.raises(NotFound):
            provider.hold("object", SOON)


def test_without_the_signing_library_all_but_holding_works(
    provider: ObjectStoreProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "botocore.awsrequest", None)
    with pytest.raises(Unsupported, match="botocore") as caught:
        provider.hold("a/b=c", SOON)
    assert "firekeep[hold]" in caught.value.hint
    assert provider.stat("a/b=c").held_until is None
    provider.delete("a/b=c")


def test_credentials_come_from_the_environment_too(
    provider: ObjectStoreProvider, url: str, lead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    s3_provider(LOCKED, lead, endpoint=url).hold("a/b=c", SOON)
    assert provider.stat("a/b=c").held_until == SOON


def through(address: str, lead: str) -> ObjectStoreProvider:
    return s3(f"http://{address}", lead, bucket=LOCKED, timeout_s=2.0)


def retrying(inner: ObjectStoreProvider) -> RetryingProvider:
    return RetryingProvider(inner, Backoff(), sleep=HandClock().sleep, jitter=Random(1).random)


@pytest.mark.parametrize("kind", ["lose", "cut"])
def test_a_hold_whose_answer_is_lost_is_made_once_more(
    provider: ObjectStoreProvider, url: str, lead: str, kind: str
) -> None:
    with proxy(url) as (address, plan):
        plan.add(Fault(kind, "PUT"))
        with pytest.raises(Unavailable):
            through(address, lead).hold("a/b=c", SOON)
        plan.add(Fault("answer", "PUT", 503, "SlowDown"))
        retrying(through(address, lead)).hold("a/b=c", LATER)
        assert plan.spent()
    assert provider.stat("a/b=c").held_until == LATER


@pytest.mark.parametrize(("verb", "method"), [("hold", "PUT"), ("delete", "HEAD"), ("stat", "HEAD")])
def test_who_may_not_is_told_what_it_takes(
    provider: ObjectStoreProvider, url: str, lead: str, verb: str, method: str
) -> None:
    needed = {"hold": "s3:PutObjectRetention", "delete": "s3:DeleteObject", "stat": "s3:GetObject"}
    with proxy(url) as (address, plan):
        plan.add(Fault("answer", method, 403, "AccessDenied"))
        mine = through(address, lead)
        with pytest.raises(Denied) as caught:
            mine.hold("a/b=c", SOON) if verb == "hold" else getattr(mine, verb)("a/b=c")
        assert plan.spent()
    assert needed[verb] in caught.value.hint
    assert provider.get("a/b=c") == b"kept"


def test_a_look_that_fails_deletes_nothing(provider: ObjectStoreProvider, url: str, lead: str) -> None:
    with proxy(url) as (address, plan):
        plan.add(Fault("answer", "HEAD", 503))
        with pytest.raises(Unavailable):
            through(address, lead).delete("a/b=c")
        assert not [line for line in plan.requests if line.startswith("DELETE")]
    assert provider.get("a/b=c") == b"kept"
