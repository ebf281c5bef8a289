"""Settings as files: what Firebase's own tools read."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.format.setting import (
    AUTH_CONFIG,
    AUTH_IDP,
    FIELD,
    INDEX,
    RULES,
    TEMPLATE,
    Setting,
    encode,
    encode_document,
    key_of,
)
from shared.format.setting_files import files_of

NODE = Path(__file__).parents[2] / "node"
GROUPS = "projects/p/databases/(default)/collectionGroups"
HASH = {
    "algorithm": "SCRYPT",
    "signerKey": "a2V5+/==",
    "saltSeparator": "Bw==",
    "rounds": 8,
    "memoryCost": 14,
}


def rules(*contents: str) -> bytes:
    files = [{"name": "../../evil", "content": content} for content in contents]
    return encode(Setting(RULES, {"ruleset": {"source": {"files": files}}}))


RECORDS = {
    key_of("auth", "config"): encode(Setting(AUTH_CONFIG, {"signIn": {"hashConfig": HASH}})),
    key_of("auth", "idps", "oauthIdpConfigs", "oidc.a"): encode(
        Setting(AUTH_IDP, {"clientSecret": "s3cret"})
    ),
    key_of("firestore", "documents", "a", "b"): encode_document(b""),
    key_of("firestore", "fields", "__default__", "*"): encode(
        Setting(FIELD, {"name": f"{GROUPS}/__default__/fields/*", "indexConfig": {"indexes": [{}]}})
    ),
    key_of("firestore", "fields", "logs", "at"): encode(
        Setting(
            FIELD,
            {
                "name": f"{GROUPS}/logs/fields/at",
                "ttlConfig": {"state": "ACTIVE"},
                "indexConfig": {
                    "indexes": [
                        {
                            "queryScope": "COLLECTION",
                            "fields": [{"fieldPath": "at", "order": "ASCENDING"}],
                            "state": "READY",
                        },
                        {
                            "queryScope": "COLLECTION_GROUP",
                            "fields": [{"fieldPath": "at", "arrayConfig": "CONTAINS"}],
                        },
                    ]
                },
            },
        )
    ),
    key_of("firestore", "fields", "logs", "`a/b`"): encode(
        Setting(FIELD, {"name": f"{GROUPS}/logs/fields/`a/b`", "indexConfig": {}})
    ),
    key_of("firestore", "indexes", "posts", "1"): encode(
        Setting(
            INDEX,
            {
                "name": f"{GROUPS}/posts/indexes/1",
                "queryScope": "COLLECTION",
                "state": "READY",
                "fields": [
                    {"fieldPath": "a", "order": "ASCENDING"},
                    {"fieldPath": "__name__", "order": "ASCENDING"},
                ],
            },
        )
    ),
    key_of("firestore", "indexes", "posts", "2"): encode(
        Setting(
            INDEX,
            {
                "name": f"{GROUPS}/posts/indexes/2",
                "queryScope": "COLLECTION",
                "density": "SPARSE_ALL",
                "fields": [{"fieldPath": "v", "vectorConfig": {"dimension": 3, "flat": {}}}],
            },
        )
    ),
    key_of("firestore", "rules"): rules("rules_version = '2'; // ü\r\n"),
    key_of("remote-config", "template"): encode(
        Setting(
            TEMPLATE,
            {"parameters": {"a": {"defaultValue": {"value": "1"}}}, "version": {"versionNumber": "7"}},
            "e",
        )
    ),
    key_of("storage", "rules", "a.appspot.com"): rules("service firebase.storage {}"),
}


def files(**more: Any) -> dict[str, bytes]:
    return {file.name: file.data for file in files_of(RECORDS.items(), **more)}


def test_there_is_a_file_for_everything_that_is_no_document() -> None:
    assert set(files()) == {
        "firestore.rules",
        "storage.rules",
        "firestore.indexes.json",
        "remoteconfig.template.json",
        "firebase.json",
        "authentication.json",
        "auth-hash-parameters.json",
        "RESTORE.md",
    }
    assert files()["firestore.rules"] == "rules_version = '2'; // ü\r\n".encode()


def test_index_definitions_are_in_the_format_of_firebase_tools() -> None:
    assert json.loads(files()["firestore.indexes.json"]) == {
        "indexes": [
            {
                "collectionGroup": "posts",
                "queryScope": "COLLECTION",
                "fields": [
                    {"fieldPath": "a", "order": "ASCENDING"},
                    {"fieldPath": "__name__", "order": "ASCENDING"},
                ],
            },
            {
                "collectionGroup": "posts",
                "queryScope": "COLLECTION",
                "density": "SPARSE_ALL",
                "fields": [{"fieldPath": "v", "vectorConfig": {"dimension": 3, "flat": {}}}],
            },
        ],
        "fieldOverrides": [
            {"collectionGroup": "logs", "fieldPath": "`a/b`", "ttl": False, "indexes": []},
            {
                "collectionGroup": "logs",
                "fieldPath": "at",
                "ttl": True,
                "indexes": [
                    {"queryScope": "COLLECTION", "order": "ASCENDING"},
                    {"queryScope": "COLLECTION_GROUP", "arrayConfig": "CONTAINS"},
                ],
            },
        ],
    }


def test_the_folder_can_be_deployed() -> None:
    assert json.loads(files()["firebase.json"]) == {
        "firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"},
        "storage": [{"bucket": "a.appspot.com", "rules": "storage.rules"}],
        "remoteconfig": {"template": "remoteconfig.template.json"},
    }
    assert json.loads(files(database="other")["firebase.json"])["firestore"][0]["database"] == "other"
    assert json.loads(files()["remoteconfig.template.json"]) == {
        "parameters": {"a": {"defaultValue": {"value": "1"}}}
    }


def test_the_hash_parameters_come_with_the_command_that_takes_them() -> None:
    told = json.loads(files()["auth-hash-parameters.json"])["auth/config"]
    assert told["command"] == (
        "firebase auth:import accounts.json --hash-algo=SCRYPT --hash-key=a2V5+/== --salt-separator=Bw== "
        "--rounds=8 --mem-cost=14"
    )
    assert told["parameters"]["signerKey"] == "a2V5+/=="


def test_no_file_leaves_its_folder_and_no_instruction_tells_a_secret() -> None:
    names = ["..", "a/b", ".a", "ü", "a"]
    records = [(key_of("storage", "rules", name), rules("x", "y")) for name in names]
    found = files_of(records)
    assert all("/" not in file.name and not file.name.startswith(".") for file in found)
    assert len({file.name for file in found}) == len(found) == 2 * len(names) + 2
    instructions = files()["RESTORE.md"].decode()
    assert "s3cret" not in instructions and "a2V5" not in instructions


def test_no_settings_make_no_files() -> None:
    assert files_of([]) == []
    assert files_of([(key_of("firestore", "documents", "a", "b"), encode_document(b""))]) == []


@pytest.mark.node
def test_firebase_tools_take_them(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node and (NODE / "node_modules/firebase-tools").exists(), "run `make test-node`"
    for name, data in files().items():
        (tmp_path / name).write_bytes(data)
    script = """
        const fs = require("fs"), at = process.argv[1];
        const { FirestoreApi } = require("./node_modules/firebase-tools/lib/firestore/api.js");
        const { validateOptions } = require("./node_modules/firebase-tools/lib/accountImporter.js");
        const indexes = JSON.parse(fs.readFileSync(at + "/firestore.indexes.json"));
        const api = new FirestoreApi();
        api.validateSpec(api.upgradeOldSpec(indexes));
        const command = JSON.parse(fs.readFileSync(at + "/auth-hash-parameters.json"))["auth/config"].command;
        const flags = Object.fromEntries(command.split(" --").slice(1).map((flag) => {
            const [name, ...value] = flag.split("=");
            return [name.replace(/-(.)/g, (_, letter) => letter.toUpperCase()), value.join("=")];
        }));
        console.log(JSON.stringify(validateOptions(flags)));
    """
    done = subprocess.run(
        [node, "-e", script, str(tmp_path)], cwd=NODE, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["valid"] is True
