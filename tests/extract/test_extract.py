"""`docs/extract.py` alone gets everything out: it needs none of our code, proves every byte, and passes over damage."""

from __future__ import annotations

import base64
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.contents import ENTRIES, MEDIA, SETTINGS, USERS
from shared.format import flat, media
from shared.format.key import key_of_path, path_of
from shared.format.record import to_json
from shared.keys.kit import encode_kit, kit_lines
from shared.repository.tree import get, leaves, scan
from tests.exporting.export_samples import Made, accounts, document, documents, files, make, settings, values

SCRIPT = Path(__file__).parents[2] / "docs" / "extract.py"
ALLOWED = ("cryptography", "zstandard", "blake3", "cffi", "_cffi_backend")
"""What it says it needs, and what `cryptography` itself does."""


@pytest.fixture(scope="module")
def only_these(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the packages that the script may use."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ALLOWED:
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            origin = Path(found.origin)
            place = origin.parent if found.submodule_search_locations else origin
            (folder / place.name).symlink_to(place)
    return folder


def extract(packages: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """The script in a clean process: no site packages, no variables, no current folder to import from."""
    code = (
        "import sys, runpy; sys.path.insert(0, sys.argv[1]); del sys.argv[:2];"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-I", "-S", "-c", code, packages, SCRIPT, *words]
    return subprocess.run(
        [str(word) for word in command],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
        cwd="/",
        env={},
    )


def words(made: Made) -> list[object]:
    return [made.folder, *([made.key] if made.key else [])]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def spelled(line: dict[str, Any]) -> str:
    """So that -0.0 and 0.0 are told apart, and 1 and 1.0."""
    return json.dumps(line, sort_keys=True)


def our_documents(made: Made, snapshot: str) -> list[dict[str, Any]]:
    root = made.repository.manifest(snapshot).roots[ENTRIES]
    return [
        {"path": path_of(key), **to_json(value)}
        for keys, values in scan(made.repository, root)
        for key, value in zip(keys, values, strict=True)
    ]


@pytest.mark.parametrize("encryption", [True, False])
@pytest.mark.parametrize("compression", [True, False])
def test_everything_comes_out_as_our_own_reading_has_it(
    tmp_path: Path, only_these: Path, encryption: bool, compression: bool
) -> None:
    made = make(tmp_path, encryption=encryption, compression=compression)
    out = tmp_path / "out"

    done = extract(only_these, *words(made), "get", "--output", out)

    assert (done.returncode, done.stderr) == (0, "")
    assert any(row[40:48] != bytes(8) for row in made.repository.store.index.rows()) == compression
    assert not (out / "DAMAGE.txt").exists()
    assert list(map(spelled, lines(out / "entries.jsonl"))) == list(
        map(spelled, our_documents(made, "second"))
    )
    told = lines(out / "files.jsonl")
    assert {one["name"]: (out / one["file"]).read_bytes() for one in told} == files()
    assert len({one["file"] for one in told}) == len(told)
    assert all((out / one["file"]).resolve().is_relative_to(out.resolve() / "files") for one in told)
    assert told[0]["metadata"] == {"firebaseStorageDownloadTokens": "t-1"}
    expected = [
        {"name": flat.shown(key), "value": json.loads(value)} for key, value in sorted(accounts().items())
    ]
    assert lines(out / f"{USERS}.jsonl") == expected
    stored, rules = lines(out / f"{SETTINGS}.jsonl")
    kept = settings()
    assert rules == {"name": "firestore/rules", "value": json.loads(kept[key_of_path("firestore/rules")][1:])}
    told_record = to_json(kept[key_of_path("firestore/documents/config/app")][1:])
    assert stored == {"name": "firestore/documents/config/app", "document": told_record}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("made"))


def test_snapshots_are_listed_and_any_of_them_can_be_got_in_part(
    made: Made, only_these: Path, tmp_path: Path
) -> None:
    listed = extract(only_these, *words(made), "list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["first", "second"]

    asked = ("--snapshot", "first", "--only", ENTRIES, "--prefix", "shops/s1")
    done = extract(only_these, *words(made), "get", "--output", tmp_path / "out", *asked)

    assert done.returncode == 0
    assert [one["path"] for one in lines(tmp_path / "out" / "entries.jsonl")] == ["shops/s1/items/i1"]
    assert not (tmp_path / "out" / "files.jsonl").exists()


def test_a_passphrase_opens_as_well(made: Made, only_these: Path, tmp_path: Path) -> None:
    (tmp_path / "phrase").write_text("Gru\u0308ße 1\n", encoding="utf-8")
    (tmp_path / "wrong").write_text("Grüße 2\n", encoding="utf-8")

    assert extract(only_these, made.folder, "list", "--passphrase", tmp_path / "phrase").returncode == 0
    wrong = extract(only_these, made.folder, "list", "--passphrase", tmp_path / "wrong")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert extract(only_these, made.folder, "list").returncode == 2


def test_what_stands_on_the_recovery_kit_opens_as_well(made: Made, only_these: Path, tmp_path: Path) -> None:
    assert made.key is not None
    key = base64.b64decode(made.key.read_text().split()[1])
    page = "\n".join(kit_lines(encode_kit(key)))
    (tmp_path / "kit").write_text(f"FIREKEEP RECOVERY KIT\n\n{page}\n1. Install it\n")
    (tmp_path / "typed").write_text(page.lower())
    (tmp_path / "wrong").write_text(page.replace("2: ", "2: Z", 1))

    for name in ("kit", "typed"):
        assert extract(only_these, made.folder, "list", "--kit", tmp_path / name).returncode == 0
    assert extract(only_these, made.folder, "list", "--kit", tmp_path / "wrong").returncode == 2


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def test_without_any_index_the_packs_tell_where_things_are(tmp_path: Path, only_these: Path) -> None:
    made = make(tmp_path)
    first, *others = sorted((made.folder / "index").iterdir())
    flip(first, 40)
    for path in others:
        path.unlink()

    done = extract(only_these, *words(made), "get", "--output", tmp_path / "out")

    assert done.returncode == 1
    assert f"index/{first.name}" in done.stderr
    assert len(lines(tmp_path / "out" / "entries.jsonl")) == len(our_documents(made, "second"))


def test_an_index_that_is_gone_is_made_up_for_by_the_packs(tmp_path: Path, only_these: Path) -> None:
    made = make(tmp_path)
    max((made.folder / "index").iterdir(), key=lambda path: path.stat().st_size).unlink()

    done = extract(only_these, *words(made), "get", "--output", tmp_path / "out")

    assert (done.returncode, done.stderr) == (0, "")
    assert len(lines(tmp_path / "out" / "entries.jsonl")) == len(our_documents(made, "second"))


@pytest.mark.parametrize("encryption", [True, False])
def test_what_is_damaged_is_named_and_everything_else_comes_out(
    tmp_path: Path, only_these: Path, encryption: bool
) -> None:
    made = make(tmp_path, encryption=encryption)
    manifest = made.repository.manifest("second")
    leaf = list(leaves(made.repository, manifest.roots[ENTRIES]))[1]
    value = get(made.repository, manifest.roots[MEDIA], flat.encode("bucket.example", "A"))
    assert value is not None
    content = media.decode(value).content
    assert isinstance(content, tuple)
    for blob in (leaf.id, content[0].id):
        for place in made.repository.store.index.find(blob):
            pack = place.pack.hex()
            flip(made.folder / "packs" / pack[:2] / pack, place.offset + place.length - 1)

    done = extract(only_these, *words(made), "get", "--output", tmp_path / "out")

    assert done.returncode == 1
    damage = (tmp_path / "out" / "DAMAGE.txt").read_text(encoding="utf-8")
    assert leaf.id.hex() in damage and "bucket.example/A" in damage
    assert done.stderr.endswith(damage)
    expected = {one["path"]: spelled(one) for one in expected_documents()}
    got = {one["path"]: spelled(one) for one in lines(tmp_path / "out" / "entries.jsonl")}
    assert got.items() <= expected.items()
    for one in lines(tmp_path / "out" / "files.jsonl"):
        assert (tmp_path / "out" / one["file"]).read_bytes() == files()[one["name"]]
    assert len(lines(tmp_path / "out" / "files.jsonl")) == len(files()) - 1
    assert len(expected) > len(got) > len(expected) // 2


def test_a_pack_that_is_gone_is_named(tmp_path: Path, only_these: Path) -> None:
    made = make(tmp_path)
    pack = max((made.folder / "packs").glob("*/*"), key=lambda path: path.stat().st_size)
    pack.unlink()

    done = extract(only_these, *words(made), "get", "--output", tmp_path / "out")

    assert done.returncode == 1
    assert pack.name in done.stderr


def expected_documents() -> list[dict[str, Any]]:
    """What the snapshot held: made again from the same material, since the packs are damaged by now."""
    model = documents()
    for number in range(0, 120, 9):
        model[key_of_path(f"users/u{number:04}")] = document({"changed": values()["text"]})
    return [{"path": path_of(key), **to_json(value)} for key, value in sorted(model.items())]


def test_it_never_writes_into_a_folder_that_exists(made: Made, only_these: Path, tmp_path: Path) -> None:
    done = extract(only_these, *words(made), "get", "--output", tmp_path)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []
