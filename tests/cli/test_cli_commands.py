"""Every command against a Firestore with real data: what it does, what it says, how it ends."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_desk import EVERY, PROJECT, Desk, firestore, new_desk
from google.protobuf import json_format

from cli.demo.reader import compare
from emulators.datasets.load import Database, commit_writes, put_documents
from emulators.datasets.values import Document, encoded
from emulators.datasets.wire import deletion
from emulators.datasets.world import world
from shared.models.collections import SYSTEM_COLLECTIONS


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with firestore() as address:
        yield address


@pytest.fixture(scope="module")
def desk(host: str, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """With one backup, called `first`."""
    desk = new_desk(tmp_path_factory.mktemp("desk"), host)
    desk.done("backup", "--id", "first")
    return desk


@pytest.fixture
def intact(desk: Desk) -> Iterator[Desk]:
    """A desk whose database a test may damage; it is made whole again."""
    yield desk
    put_documents(desk.database, desk.loaded)
    delete(desk, *compare(desk.loaded, desk.database).unexpected)
    assert compare(desk.loaded, desk.database).identical


def delete(desk: Desk, *paths: str) -> None:
    commit_writes(desk.database, (deletion(f"{desk.database.root}/{path}") for path in paths))


def ruin(desk: Desk, *paths: str) -> None:
    put_documents(desk.database, dict.fromkeys(paths, encoded({"ruined": True}, desk.database.root)))


def airports(desk: Desk) -> list[str]:
    return [path for path in desk.loaded if path.startswith("airports/")]


def test_init_makes_a_repository_and_a_key_and_tells_to_keep_it(tmp_path: Path, desk: Desk) -> None:
    text = desk.done("init", "--repository", str(tmp_path / "r"), FIREKEEP_KEY_FILE="")
    assert f"Its key is the new file {tmp_path / 'r.key'}" in text
    assert "Keep a copy" in text
    assert f"export FIREKEEP_REPOSITORY={tmp_path / 'r'}" in text
    assert (tmp_path / "r.key").stat().st_mode & 0o777 == 0o600
    listed = desk.json(
        "ls", "--offline", "--repository", str(tmp_path / "r"), "--key-file", str(tmp_path / "r.key")
    )
    assert listed == {"repository": str(tmp_path / "r"), "backups": []}


def test_init_overwrites_nothing(desk: Desk) -> None:
    key = (desk.folder / "key").read_bytes()
    result = desk.run("init")
    assert result.exit_code == 4
    assert "already" in result.stderr
    assert (desk.folder / "key").read_bytes() == key
    assert desk.json("show", "first")["items"] == len(desk.loaded)


def test_init_takes_a_key_that_exists_as_it_is(tmp_path: Path, desk: Desk) -> None:
    key = (desk.folder / "key").read_bytes()
    facts = desk.json("init", "--repository", str(tmp_path / "r"))
    assert (facts["keyFileMade"], facts["encryption"]) == (False, True)
    assert (desk.folder / "key").read_bytes() == key


def test_a_refused_init_leaves_no_key_behind(tmp_path: Path, desk: Desk) -> None:
    desk.json("init", "--key-file", str(tmp_path / "other"), status=4)
    assert list(tmp_path.iterdir()) == []


def test_a_passphrase_opens_what_was_made_with_it(tmp_path: Path, desk: Desk) -> None:
    phrase, wrong, place = tmp_path / "phrase", tmp_path / "wrong", str(tmp_path / "r")
    for file, text in ((phrase, "correct horse"), (wrong, "battery staple")):
        file.write_text(text)
        file.chmod(0o600)
    assert "passphrase" in desk.done("init", "--repository", place, "--passphrase-file", str(phrase))
    assert (
        desk.json("ls", "--offline", "--repository", place, "--passphrase-file", str(phrase))["backups"] == []
    )
    refused = desk.json("ls", "--offline", "--repository", place, "--passphrase-file", str(wrong), status=5)
    assert refused["error"]["code"] == "wrong_key"


def test_without_encryption_it_says_so(tmp_path: Path, desk: Desk) -> None:
    text = desk.done("init", "--repository", str(tmp_path / "r"), "--no-encryption", FIREKEEP_KEY_FILE="")
    assert "not encrypted" in text


def test_backup_tells_what_it_holds(desk: Desk) -> None:
    facts = desk.json("backup", "--id", "second")
    assert facts["status"] == "completed"
    assert facts["items"] == len(desk.loaded)
    assert facts["storedBytes"] < 100_000  # nothing has changed since `first`
    assert set(facts["excluded"]) <= set(SYSTEM_COLLECTIONS)
    text = desk.done("backup", "--id", "second")  # the same id again is the same backup
    assert f"documents  {len(desk.loaded):,}, " in text


def test_backup_names_itself_by_the_time(desk: Desk) -> None:
    facts = desk.json("backup", "--prefix", "countries/CH", "--prefix", "types")
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}", facts["id"])
    inside = [
        path for path in desk.loaded if path.startswith(("countries/CH/", "types/")) or path == "countries/CH"
    ]
    assert facts["items"] == len(inside) > 0
    assert desk.json("show", facts["id"])["selection"]["entries"]["include"] == ["countries/CH", "types"]


def test_backup_is_of_the_moment_asked_for(intact: Desk) -> None:
    before = intact.json("backup")["at"]
    ruin(intact, *airports(intact))
    facts = intact.json("backup", "--at", before)
    assert facts["root"] == intact.json("show", "first")["root"]
    later = intact.json("backup", "--at", "2999-01-01", status=2)
    assert "in the future" in later["error"]["message"]


def test_resuming_what_is_not_there_says_so(desk: Desk) -> None:
    assert desk.json("backup", "--resume", "nothing", status=3)["error"]["code"] == "not_found"
    assert desk.json("restore", "--resume", "first", status=2)["error"]["message"] == "first is not a restore"


def test_ls_tells_what_was_verified_and_what_failed(desk: Desk) -> None:
    desk.json("backup", "--id", "checked")
    assert desk.json("verify", "checked")["verified"] == ["checked"]
    rows = {row["id"]: row for row in desk.json("ls")["backups"]}
    assert rows["checked"]["verified"] is True
    assert rows["first"]["items"] == len(desk.loaded)
    text = desk.done("ls")
    assert re.search(r"^checked .* verified +everything$", text, re.MULTILINE)
    assert re.search(rf"^first .* {len(desk.loaded):,} .* complete +everything$", text, re.MULTILINE)


def test_ls_needs_nothing_but_the_repository(desk: Desk) -> None:
    rows = desk.json("ls", "--offline", FIRESTORE_EMULATOR_HOST="127.0.0.1:1")["backups"]
    assert "first" in [row["id"] for row in rows]
    assert all(row["verified"] is None for row in rows)


def test_show_counts_every_collection(desk: Desk) -> None:
    facts = desk.json("show", "first")
    assert facts["collections"] == dict(Counter(path.split("/")[0] for path in desk.loaded))
    assert facts["source"] == {"project": PROJECT, "database": "(default)"}
    assert re.search(rf"^airports +{len(airports(desk)):,}$", desk.done("show", "first"), re.MULTILINE)


def test_show_lists_a_collection_with_missing_parents_too(desk: Desk) -> None:
    facts = desk.json("show", "first", "missing")
    assert facts["documents"] == {"missing/nobody": 2, "missing/somebody": 2}
    few = desk.json("show", "first", "airports", "--limit", "3")
    assert list(few["documents"]) == sorted(airports(desk))[:3]
    assert few["more"] is True
    assert "--limit 30 shows them" in desk.done("show", "first", "airports", "--limit", "3")


def test_show_gives_every_value_exactly(desk: Desk) -> None:
    types = [path for path in desk.loaded if path.startswith("types/")]
    assert len(types) > 50
    for path in types:
        shown = desk.json("show", "first", path)["document"]["fields"]
        assert rest(shown) == rest(expected_json(desk, path)), path


def expected_json(desk: Desk, path: str) -> Any:
    fields = json_format.MessageToDict(Document.FromString(desk.loaded[path])).get("fields", {})
    return json.loads(json.dumps(fields).replace(desk.database.root + "/", "databases/(default)/documents/"))


def rest(value: Any) -> Any:
    """REST JSON in one of its equal spellings: nothing left out, times without idle zeros, doubles as text."""
    if isinstance(value, list):
        return [rest(one) for one in value]
    if not isinstance(value, dict) or len(value) != 1:
        return {name: rest(inner) for name, inner in value.items()} if isinstance(value, dict) else value
    ((kind, inner),) = value.items()
    if kind == "mapValue":
        return {kind: {name: rest(one) for name, one in inner.get("fields", {}).items()}}
    if kind == "arrayValue":
        return {kind: [rest(one) for one in inner.get("values", [])]}
    if kind == "geoPointValue":
        return {kind: [str(float(inner.get(name, 0))) for name in ("latitude", "longitude")]}
    if kind == "timestampValue":
        return {kind: re.sub(r"\.?0*Z$", "Z", inner)}
    return {kind: str(inner) if kind == "doubleValue" else rest(inner)}


def test_show_prints_a_document_with_its_types_and_what_is_below(desk: Desk) -> None:
    text = desk.done("show", "first", "missing/somebody")
    assert re.search(r"^  children  boolean  true$", text, re.MULTILINE)
    assert re.search(r"^missing/somebody/kept +1$", text, re.MULTILINE)
    assert "no such document, but there are some below it" in desk.done("show", "first", "missing/nobody")
    assert "\x00" not in desk.done("show", "first", "types/textNul")


def test_show_finds_ids_in_either_unicode_form_and_numeric_looking_ones(desk: Desk) -> None:
    ids = [path for path in desk.loaded if path.startswith("ids/") and path.count("/") == 1]
    for path in ids:
        assert desk.json("show", "first", path)["path"] == path


@pytest.mark.parametrize("path", ["airports/NOWHERE", "nothing", "airports/NOWHERE/deeper"])
def test_show_says_what_is_not_there(desk: Desk, path: str) -> None:
    assert f" {path} in backup first" in desk.json("show", "first", path, status=3)["error"]["message"]


def test_a_backup_may_be_named_by_its_beginning(desk: Desk) -> None:
    assert desk.json("show", "firs")["id"] == "first"
    desk.json("backup", "--id", "fir-other", "--prefix", "types")
    assert "beginning of 2 snapshots" in desk.json("show", "fir", status=2)["error"]["message"]
    desk.json("backup", "--id", "zz-newest", "--prefix", "types")
    desk.json("backup", "--id", "aa-newest", "--prefix", "types")
    assert desk.json("show", "latest")["id"] == "aa-newest"


@pytest.mark.parametrize("depth", ["structure", "data"])
def test_verify_proves_one_or_all(desk: Desk, depth: str) -> None:
    assert desk.json("verify", "first", "--depth", depth)["verified"] == ["first"]
    everything = desk.json("verify", "--depth", depth)
    assert set(everything["verified"]) == {row["id"] for row in desk.json("ls", "--offline")["backups"]}
    assert f"first: whole ({depth})" in desk.done("verify", "first", "--depth", depth)


def test_verify_finds_damage_and_names_it(desk: Desk, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(desk.folder / "repository", copy)
    pack = max((copy / "packs").rglob("*"), key=lambda path: path.stat().st_size)
    data = bytearray(pack.read_bytes())
    data[len(data) // 3] ^= 0x10
    pack.chmod(0o600)
    pack.write_bytes(data)
    found = desk.json("verify", "first", "--depth", "data", "--repository", str(copy), status=10)
    assert (found["verified"], found["damaged"]) == ([], ["first"])
    assert pack.name in " ".join(found["findings"])
    told = desk.run("verify", "first", "--depth", "data", "--repository", str(copy))
    assert told.exit_code == 10
    assert "first: DAMAGED" in told.stdout


def test_restore_tells_first_and_does_nothing_without_a_yes(intact: Desk) -> None:
    delete(intact, *airports(intact))
    for answer in ("n\n", ""):
        result = intact.run("restore", "first", answer=answer)
        assert (result.exit_code, result.stdout) == (130, "")
        assert re.search(rf"^  create +{len(airports(intact)):,} records$", result.stderr, re.MULTILINE)
        assert "nothing was changed" in result.stderr
    assert len(compare(intact.loaded, intact.database).missing) == len(airports(intact))


def test_restore_brings_back_what_was_lost_and_leaves_the_rest(intact: Desk) -> None:
    lost, ruined = airports(intact), ["types/all", "missing/somebody"]
    delete(intact, *lost)
    ruin(intact, *ruined, "junk/1", "types/all/junk/2")
    result = intact.run("restore", "first", answer="y\n")
    assert result.exit_code == 0, result.output
    assert re.search(r"^  updated +2$", result.stdout, re.MULTILINE)
    after = compare(intact.loaded, intact.database)
    assert (after.missing, after.different) == ([], [])
    assert sorted(after.unexpected) == ["junk/1", "types/all/junk/2"]


def test_restore_exactly_also_deletes(intact: Desk) -> None:
    delete(intact, "missing/somebody", "missing/nobody/kept/one")
    ruin(intact, "junk/1", "types/all/junk/2", "types/none")
    facts = intact.json("restore", "first", "--exact")
    did = {name: facts[name] for name in ("created", "updated", "deleted", "conflicts", "differences")}
    assert did == {"created": 2, "updated": 1, "deleted": 2, "conflicts": 0, "differences": 0}
    assert facts["checked"] == len(intact.loaded)
    assert compare(intact.loaded, intact.database).identical


def test_a_dry_run_counts_and_changes_nothing(intact: Desk) -> None:
    delete(intact, *airports(intact))
    ruin(intact, "types/all", "junk/1")
    planned = intact.json("restore", "first", "--dry-run", "--exact")
    assert (planned["status"], planned["created"], planned["updated"], planned["deleted"]) == (
        "dry run",
        len(airports(intact)),
        1,
        1,
    )
    assert compare(intact.loaded, intact.database).wrong == len(airports(intact)) + 2
    told = intact.done("restore", "first", "--dry-run")
    assert "  delete     0 records\n" in told
    assert "  keep       1 record that the backup does not hold (--exact deletes them)\n" in told


def test_restore_of_a_part_touches_nothing_else(intact: Desk) -> None:
    ruin(intact, "missing/somebody", "missing/somebody/kept/three", "types/all", "types/none", "ids/a")
    facts = intact.json("restore", "first", "--prefix", "missing/somebody", "--document", "types/all")
    assert (facts["created"], facts["updated"], facts["unchanged"]) == (0, 3, 0)
    assert sorted(compare(intact.loaded, intact.database).different) == ["ids/a", "types/none"]


def test_restore_without_overwriting_leaves_what_is_there(intact: Desk) -> None:
    ruin(intact, "types/all")
    delete(intact, "types/none")
    facts = intact.json("restore", "first", "--no-overwrite", "--prefix", "types")
    assert (facts["created"], facts["updated"], facts["kept"]) == (1, 0, 1)
    assert compare(intact.loaded, intact.database).different == ["types/all"]


def test_restore_elsewhere_takes_the_references_along(desk: Desk, host: str) -> None:
    facts = desk.json("restore", "first", "--to", "other-project/other-base")
    assert facts["created"] == len(desk.loaded)
    there = Database(host, "other-project", "other-base")
    expected = {path: encoded(fields, there.root) for path, fields in world(EVERY)}
    assert compare(expected, there).identical


def test_restoring_an_unknown_backup_says_so(desk: Desk) -> None:
    assert desk.json("restore", "nothing", status=3)["error"]["code"] == "not_found"
    outside = desk.json("restore", "first", "--prefix", "backups", status=2)
    assert "backup system itself" in outside["error"]["message"]


def test_exact_and_no_overwrite_exclude_one_another(desk: Desk) -> None:
    refused = desk.json("restore", "first", "--exact", "--no-overwrite", status=2)
    assert "exact needs overwrite" in refused["error"]["message"]


def test_dev_runs_a_command_inside_and_ends_with_its_status(desk: Desk) -> None:
    process = desk.start("dev", "--exec", 'test -n "$FIRESTORE_EMULATOR_HOST" && echo inside && exit 7')
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (7, "inside\n"), err
