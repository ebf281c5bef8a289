"""A hold in Azure is a version-level policy: signed as the service asks, never shortened, seen by every reader."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from provider_blobs import Blobs, blob_server
from provider_servers import ACCOUNT, AZURE_KEY, BUCKET, azure, azurite

from shared.errors import BadInput, Denied, NotFound, Unsupported
from shared.providers.objects import ObjectStoreProvider
from shared.providers.retention import Held, Refused, Wire
from shared.providers.retention_azure import BlobImmutability, account_key
from shared.providers.stores import azure_provider

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
LATER = SOON + timedelta(days=1)
PATH = f"/{ACCOUNT}/{BUCKET}/some/where/a/b=c"


@pytest.fixture
def blobs() -> Iterator[Blobs]:
    with blob_server(ACCOUNT, AZURE_KEY) as blobs:
        yield blobs


@pytest.fixture
def provider(blobs: Blobs) -> ObjectStoreProvider:
    provider = azure(blobs.url, "some/where")
    provider.put("a/b=c", b"kept")
    return provider


def test_a_hold_is_unlocked_unless_it_is_to_be_locked(provider: ObjectStoreProvider, blobs: Blobs) -> None:
    provider.hold("a/b=c", SOON)
    assert (blobs.current[PATH].mode, blobs.current[PATH].until) == ("unlocked", SOON)
    assert provider.stat("a/b=c").held_until == SOON
    azure(blobs.url, "some/where", lock=True).hold("a/b=c", LATER)
    assert (blobs.current[PATH].mode, blobs.current[PATH].until) == ("locked", LATER)


def test_what_nobody_can_undo_stays_so_when_it_is_held_longer(
    provider: ObjectStoreProvider, blobs: Blobs
) -> None:
    azure(blobs.url, "some/where", lock=True).hold("a/b=c", SOON)
    provider.hold("a/b=c", LATER)
    assert (blobs.current[PATH].mode, blobs.current[PATH].until) == ("locked", LATER)


def test_a_hold_is_never_shortened(provider: ObjectStoreProvider) -> None:
    provider.hold("a/b=c", LATER)
    provider.hold("a/b=c", SOON)
    provider.hold("a/b=c", datetime(2020, 1, 1, tzinfo=UTC))
    assert provider.stat("a/b=c").held_until == LATER


def test_what_is_held_is_neither_deleted_nor_replaced(provider: ObjectStoreProvider, blobs: Blobs) -> None:
    version = provider.stat("a/b=c").version
    provider.hold("a/b=c", SOON)
    with pytest.raises(Denied, match="held"):
        provider.delete("a/b=c")
    with pytest.raises(Denied, match="held"):
        provider.put("a/b=c", b"other", version)
    assert provider.get("a/b=c") == b"kept"
    assert len(blobs.versions[PATH]) == 1


def test_a_hold_ends_by_the_clock_of_the_store(provider: ObjectStoreProvider, blobs: Blobs) -> None:
    provider.hold("a/b=c", SOON)
    blobs.current[PATH].until = datetime.now(UTC) - timedelta(seconds=1)
    provider.delete("a/b=c")
    with pytest.raises(NotFound):
        provider.hold("a/b=c", SOON)


def test_a_legal_hold_counts_and_has_no_end(provider: ObjectStoreProvider, blobs: Blobs) -> None:
    blobs.current[PATH].legal = True
    with pytest.raises(Denied, match="held"):
        provider.delete("a/b=c")
    held = provider.stat("a/b=c").held_until
    assert held is not None and held.year == 9999


def test_a_container_not_made_for_it_says_how_to_get_it(provider: ObjectStoreProvider, blobs: Blobs) -> None:
    blobs.immutable = False
    with pytest.raises(Unsupported, match="held one by one") as caught:
        provider.hold("a/b=c", SOON)
    assert "version-level immutability" in caught.value.hint
    provider.delete("a/b=c")


def test_an_identity_without_the_key_is_told_what_it_takes(
    provider: ObjectStoreProvider, blobs: Blobs
) -> None:
    config = {"account_name": ACCOUNT, "bearer_token": "token"}
    other = azure_provider(BUCKET, "some/where", endpoint=blobs.url, config=config)
    with pytest.raises(Unsupported) as caught:
        other.hold("a/b=c", SOON)
    assert "AZURE_STORAGE_ACCOUNT_KEY" in caught.value.hint
    assert other.stat("a/b=c").held_until is None


def test_a_key_that_cannot_be_one_is_refused_and_not_repeated(blobs: Blobs) -> None:
    with pytest.raises(BadInput, match="base64") as caught:
        azure_provider(BUCKET, endpoint=blobs.url, config={"account_name": ACCOUNT, "account_key": "s3cr&t"})
    assert "s3cr" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.node
def test_azurite_takes_the_signatures_and_has_no_policies() -> None:
    from obstore.store import AzureStore

    with azurite() as url:
        azure(url, "some/where").put("a/b=c", b"kept")
        config = {"account_name": ACCOUNT, "account_key": AZURE_KEY, "endpoint": url}
        store = AzureStore(BUCKET, **config, client_options={"allow_http": True})
        for key, status in ((AZURE_KEY, 501), (f"AAAA{AZURE_KEY[4:]}", 403)):
            retention = BlobImmutability(Wire(store, 10.0, 2), BUCKET, account_key(key), lock=False)
            present = retention.look("some/where/a/b=c")
            assert present.until is None
            asked = Held(None, "", present.version or "2026-03-29T00:00:00.0000000Z", present.now)
            with pytest.raises(Refused) as caught:
                retention.lengthen("some/where/a/b=c", SOON, asked)
            assert caught.value.status == status
