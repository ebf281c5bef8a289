"""Settings from the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shared.errors import BadInput
from shared.settings import Settings, load


def test_nothing_set_gives_safe_defaults() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings().ramp is True


def test_everything_set_is_taken() -> None:
    settings = Settings.from_env(
        {
            "FIREKEEP_PROJECT": "my-project",
            "GOOGLE_CLOUD_PROJECT": "other-project",
            "FIREKEEP_DATABASE": "orders",
            "FIREKEEP_STATE_DATABASE": "firekeep",
            "FIREKEEP_CONTENTS": "users, entries",
            "FIREKEEP_BUCKETS": "my-project.firebasestorage.app other-bucket",
            "FIREKEEP_REPOSITORY": "/srv/backups",
            "FIREKEEP_KEY_FILE": "/etc/firekeep.key",
            "FIRESTORE_EMULATOR_HOST": "[::1]:8080",
            "PUBSUB_EMULATOR_HOST": "localhost:8085",
            "STORAGE_EMULATOR_HOST": "http://127.0.0.1:9199",
            "FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:9099",
            "FIREKEEP_PART_DOCUMENTS": "800",
            "FIREKEEP_LEASE_SECONDS": "2.5",
            "FIREKEEP_DEADLINE_MARGIN_SECONDS": "0",
            "FIREKEEP_RAMP": "on",
            "FIREKEEP_ZSTD_LEVEL": "19",
            "FIREKEEP_PAGE_SIZE": "1000",
            "FIREKEEP_PACK_MIB": "4",
            "FIREKEEP_CACHE_MIB": "8",
            "FIREKEEP_CHECKPOINT_MIB": "256",
            "FIREKEEP_REQUIRED_COPIES": "2",
            "FIREKEEP_S3_ENDPOINT": "https://s3.example:9000",
            "FIREKEEP_AZURE_ENDPOINT": "https://account.example",
            "AZURE_STORAGE_ACCOUNT_KEY": "c2VjcmV0",
            "FIREKEEP_LOCK_HOLDS": "on",
            "FIREKEEP_APP_CHECK": "on",
            "FIREKEEP_CHECK_REVOKED": "off",
            "FIREKEEP_CALLS_PER_MINUTE": "30",
            "HOME": "/root",
        }
    )
    assert settings == Settings(
        project="my-project",
        database="orders",
        state_database="firekeep",
        contents=("users", "entries"),
        buckets=("my-project.firebasestorage.app", "other-bucket"),
        repository="/srv/backups",
        required_copies=2,
        s3_endpoint="https://s3.example:9000",
        azure_endpoint="https://account.example",
        azure_account_key="c2VjcmV0",
        lock_holds=True,
        app_check=True,
        check_revoked=False,
        calls_per_minute=30,
        key_file=Path("/etc/firekeep.key"),
        firestore_emulator="[::1]:8080",
        pubsub_emulator="localhost:8085",
        storage_emulator="http://127.0.0.1:9199",
        auth_emulator="127.0.0.1:9099",
        part_documents=800,
        lease_s=2.5,
        deadline_margin_s=0.0,
        ramp=True,
        zstd_level=19,
        page_size=1_000,
        pack_bytes=4 << 20,
        cache_bytes=8 << 20,
        checkpoint_bytes=256 << 20,
    )


def test_an_emulator_means_the_demo_project_and_no_ramp() -> None:
    settings = Settings.from_env({"FIRESTORE_EMULATOR_HOST": "127.0.0.1:8080"})
    assert settings.project == "demo-firekeep"
    assert settings.ramp is False


def test_jobs_are_kept_in_the_database_itself_unless_told() -> None:
    assert Settings.from_env({"FIREKEEP_DATABASE": "orders"}).state_database == "orders"


def test_an_empty_variable_counts_as_absent() -> None:
    assert Settings.from_env({"FIREKEEP_PART_DOCUMENTS": "", "FIREKEEP_PROJECT": " "}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FIREKEEP_PROJECT", "My Project"),
        ("GOOGLE_CLOUD_PROJECT", "x"),
        ("FIREKEEP_DATABASE", "default)"),
        ("FIREKEEP_STATE_DATABASE", "a/b"),
        ("FIRESTORE_EMULATOR_HOST", "8080"),
        ("FIRESTORE_EMULATOR_HOST", "http://127.0.0.1:8080"),
        ("PUBSUB_EMULATOR_HOST", "localhost"),
        ("STORAGE_EMULATOR_HOST", "ftp://127.0.0.1:1"),
        ("FIREBASE_AUTH_EMULATOR_HOST", "a b:1"),
        ("FIREKEEP_PART_DOCUMENTS", "0"),
        ("FIREKEEP_PART_DOCUMENTS", "1000.5"),
        ("FIREKEEP_PART_DOCUMENTS", "٣٣٣"),
        ("FIREKEEP_PART_DOCUMENTS", "1_000"),
        ("FIREKEEP_LEASE_SECONDS", "0"),
        ("FIREKEEP_LEASE_SECONDS", "nan"),
        ("FIREKEEP_LEASE_SECONDS", "1e2"),
        ("FIREKEEP_DEADLINE_MARGIN_SECONDS", "-1"),
        ("FIREKEEP_RAMP", "yes"),
        ("FIREKEEP_ZSTD_LEVEL", "23"),
        ("FIREKEEP_PAGE_SIZE", "many"),
        ("FIREKEEP_PACK_MIB", "0"),
        ("FIREKEEP_CACHE_MIB", "64MB"),
        ("FIREKEEP_REQUIRED_COPIES", "0"),
        ("FIREKEEP_S3_ENDPOINT", "s3.example"),
        ("FIREKEEP_S3_ENDPOINT", "https://key:secret@s3.example"),
        ("FIREKEEP_AZURE_ENDPOINT", "ftp://example"),
        ("FIREKEEP_LOCK_HOLDS", "true"),
        ("FIREKEEP_APP_CHECK", "1"),
        ("FIREKEEP_CHECK_REVOKED", "false"),
        ("FIREKEEP_CALLS_PER_MINUTE", "0"),
        ("FIREKEEP_CHECKPOINT_MIB", "99999999999999999999"),
    ],
)
def test_a_bad_value_names_the_variable_and_the_fix_but_not_the_value(variable: str, value: str) -> None:
    with pytest.raises(BadInput) as caught:
        Settings.from_env({variable: value})
    assert variable in caught.value.message
    assert caught.value.hint.startswith("write ")
    assert repr(value) not in str(caught.value)


def test_two_keys_are_one_too_many() -> None:
    both = {"FIREKEEP_KEY_FILE": "/k", "FIREKEEP_PASSPHRASE_FILE": "/p"}
    with pytest.raises(BadInput, match="FIREKEEP_KEY_FILE and FIREKEEP_PASSPHRASE_FILE"):
        Settings.from_env(both)


def test_a_key_in_the_cloud_is_named_by_a_variable_of_its_own() -> None:
    kms, secret = "projects/p/locations/l/keyRings/r/cryptoKeys/k", "projects/p/secrets/s"
    assert Settings.from_env({"FIREKEEP_KMS_KEY": kms}).key == ("FIREKEEP_KMS_KEY", kms)
    assert Settings.from_env({"FIREKEEP_SECRET": secret}).key == ("FIREKEEP_SECRET", secret)
    assert Settings.from_env({"FIREKEEP_KEY_FILE": "/k"}).key == ("FIREKEEP_KEY_FILE", "/k")
    assert Settings().key == ("", "")
    with pytest.raises(BadInput, match="FIREKEEP_KMS_KEY and FIREKEEP_SECRET"):
        Settings.from_env({"FIREKEEP_KMS_KEY": kms, "FIREKEEP_SECRET": secret})


def test_what_is_needed_is_asked_for_by_name() -> None:
    with pytest.raises(BadInput, match="FIREKEEP_PROJECT is not set"):
        Settings().needed_project()
    with pytest.raises(BadInput, match="FIREKEEP_REPOSITORY is not set"):
        Settings().needed_repository()
    assert Settings(repository="/r").needed_repository() == "/r"


def test_a_home_is_understood_in_a_path() -> None:
    assert Settings.from_env({"FIREKEEP_KEY_FILE": "~/k"}).key_file == Path.home() / "k"


def test_the_process_s_own_environment_is_read() -> None:
    assert load() == Settings.from_env(os.environ)


def test_with_emulators_a_backup_holds_what_has_one() -> None:
    emulators = {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:8080"}
    assert Settings.from_env(emulators).contents == ("entries",)
    emulators["STORAGE_EMULATOR_HOST"] = "http://127.0.0.1:9199"
    assert Settings.from_env(emulators).contents == ("entries", "media")
    emulators["FIREBASE_AUTH_EMULATOR_HOST"] = "127.0.0.1:9099"
    assert Settings.from_env(emulators).contents == ("entries", "media", "settings", "users")


def test_an_emulator_and_a_real_service_are_not_mixed() -> None:
    emulators = {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:8080", "FIREKEEP_CONTENTS": "entries users"}
    with pytest.raises(BadInput, match="users are not"):
        Settings.from_env(emulators)
    with pytest.raises(BadInput, match="FIREKEEP_CONTENTS"):
        Settings.from_env({"FIREKEEP_CONTENTS": "entries files"})
    with pytest.raises(BadInput, match="FIREKEEP_BUCKETS"):
        Settings.from_env({"FIREKEEP_BUCKETS": "gs://bucket"})


def test_the_bucket_that_firebase_makes_is_the_default() -> None:
    assert Settings(project="my-project").media_buckets == ("my-project.firebasestorage.app",)
    assert Settings(project="my-project", buckets=("a", "b")).media_buckets == ("a", "b")
