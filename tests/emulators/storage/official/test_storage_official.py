"""The emulator as Google's own tests see it: all of them pass but for features that it declares unsupported."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from official_storage_suite import PROJECT, run
from storage_helpers import connected

from emulators.pubsub import PubSubEmulator
from emulators.storage import StorageEmulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# test_rapid.py is about zonal buckets, which are gRPC alone, and is not run.
MODULES = [
    "test__signing.py",
    "test_aco_observability.py",
    "test_blob.py",
    "test_bucket.py",
    "test_client.py",
    "test_fileio.py",
    "test_hmac_key_metadata.py",
    "test_kms_integration.py",
    "test_notification.py",
    "test_transfer_manager.py",
]
# Tests by what they need, which is answered 501, or is not Cloud Storage's.
UNSUPPORTED = {
    r".*(acl|_w_ubla$|w_inherited_pap$|_w_owner$)": "access control lists",
    r".*(encryption_key|csek|add_key|rotate_key|kms|cmek)": "keys of customers",
    r".*encryption_enforcement": "enforcement of encryption",
    r".*(contexts|blobs_w_filter$)": "object contexts",
    r".*(hns|hierarchical_namespace|managed_folders)$": "folders",
    r"test_hmac_key_crud": "HMAC keys",
    r"test_restore_bucket": "soft-deleted buckets",
    r"test_generate_signed_post_policy": "HTML form uploads",
    r"test_create_signed_read_url_v._w_access_token$": "signing by the service IAM Credentials",
}
# Skipped by the suite itself, whatever it runs against.
SKIPPED = {
    r"test_new_bucket_created_w_enforced_pap": "the service is changing",
    r"test_list_buckets_with_ip_filter": "an open fault of the client",
    r".*_universe_domain": "needs another universe's credentials",
}
LEAST = 145  # that pass
PUBLIC = "gcp-public-data-landsat"  # the suite wants it to be there before it starts


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    topics = PubSubEmulator()
    pubsub = topics.start()
    emulator = StorageEmulator(project=PROJECT, buckets=[PUBLIC], pubsub=pubsub)
    served = emulator.start()
    client = connected(served)
    client.bucket(PUBLIC).blob("index.csv.gz").upload_from_string(b"scene")
    client.close()
    yield served, pubsub
    emulator.stop()
    topics.stop()


def matches(patterns: dict[str, str], test: str) -> bool:
    return any(re.match(pattern, test.partition("::")[2]) for pattern in patterns)


def test_googles_tests_pass_but_for_what_is_declared(
    addresses: tuple[str, str], pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    cache = pytestconfig.cache
    assert cache is not None
    found = run(MODULES, *addresses, cache.mkdir("storage-official"), tmp_path)
    kinds = {test: outcome.partition(":")[0] for test, outcome in found.items()}
    for module in MODULES:
        print(module, dict(Counter(kind for test, kind in kinds.items() if test.startswith(module))))
    wrong = {
        test: found[test]
        for test, kind in kinds.items()
        if kind
        != ("skipped" if matches(SKIPPED, test) else "failed" if matches(UNSUPPORTED, test) else "passed")
    }
    assert not wrong, "\n".join(f"{test}: {outcome}" for test, outcome in wrong.items())
    assert Counter(kinds.values())["passed"] >= LEAST
