"""`firekeep key` from the outside: what it makes opens, what it prints says so, and no key shows up unasked."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from html import unescape
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.app import app
from cli.commands.key import beside
from shared import wiring
from shared.repository.blobs import BlobKind
from shared.settings import Settings

VARIABLES = ("FIREKEEP_PASSPHRASE_FILE", "FIREKEEP_KMS_KEY", "FIREKEEP_SECRET", "FIREKEEP_PROJECT")
BLOCK = re.compile(r"-----BEGIN FIREKEEP KIT-----\n.*?-----END FIREKEEP KIT-----", re.S)
KMS = "projects/p/locations/l/keyRings/r/cryptoKeys/k"


class Desk:
    """Somebody's terminal, in a folder with a repository and its key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done("init")

    def run(self, *words: str, answer: str | None = None, key: str = "r.key") -> Result:
        places = {"FIREKEEP_REPOSITORY": str(self.folder / "r"), "FIREKEEP_KEY_FILE": str(self.folder / key)}
        env = {**dict.fromkeys(VARIABLES, ""), **places}
        return CliRunner().invoke(app, list(words), env=env, input=answer)

    def done(self, *words: str, **more: Any) -> str:
        result = self.run(*words, **more)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str, status: int = 0, **more: Any) -> dict[str, Any]:
        result = self.run(*words, "--json", **more)
        assert (result.exit_code, result.stderr) == (status, ""), result.output
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    def kinds(self) -> list[str]:
        return [row["kind"] for row in self.json("key", "list")["keys"]]

    def opens(self, key: str) -> bool:
        return self.run("recover", key=key).exit_code == 0

    def phrase(self, text: str) -> str:
        path = self.folder / "phrase"
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def secrets(self) -> list[str]:
        """What must never be printed: the base64 of every key file."""
        return [path.read_text().split()[1] for path in self.folder.glob("*.key")]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_keys_are_told_without_one_that_opens(desk: Desk) -> None:
    desk.done("key", "add", "--new-passphrase-file", desk.phrase("correct horse"))
    (desk.folder / "r.key").unlink()
    assert desk.kinds() == ["file", "passphrase"]
    assert "passphrase" in desk.done("key", "list")


def test_an_added_key_file_is_made_and_opens(desk: Desk) -> None:
    facts = desk.json("key", "add", "--new-key-file", str(desk.folder / "two.key"))
    assert (facts["added"], facts["keyFileMade"]) == (True, True)
    assert desk.opens("two.key")
    again = desk.json("key", "add", "--new-key-file", str(desk.folder / "two.key"))
    assert (again["added"], again["id"]) == (False, facts["id"])
    assert desk.kinds() == ["file", "file"]


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["add"], 2, "the new key is not named"),
        (["add", "--new-kms", KMS, "--new-secret", "projects/p/secrets/s"], 2, "exclude one another"),
        (["add", "--new-kms", "k"], 2, "is not the name of a key in Cloud KMS"),
        (["add", "--new-secret", "s"], 2, "is not the name of a secret"),
        (["list", "--kms-key", KMS, "--key-file", "k"], 2, "exclude one another"),
        (["remove", "zz"], 3, "no key's id begins with"),
        (["rotate", "--passphrase-file", "nowhere"], 3, "does not exist"),
        (["kit"], 2, "where it goes must be said"),
        (["kit", "--output", "x", "--yes-print-secret"], 2, "where it goes must be said"),
        (["from-kit", "nowhere", "x"], 2, "nowhere"),
    ],
)
def test_wrong_input_is_refused_and_changes_nothing(
    desk: Desk, words: list[str], status: int, told: str
) -> None:
    before = sorted(desk.folder.rglob("*"))
    error = desk.json("key", *words, status=status)["error"]
    assert told in error["message"]
    assert sorted(desk.folder.rglob("*")) == before


def test_the_last_key_stays(desk: Desk) -> None:
    (row,) = desk.json("key", "list")["keys"]
    assert "last one" in desk.json("key", "remove", row["id"], "--force", status=4)["error"]["message"]
    assert desk.opens("r.key")


def test_a_key_is_removed_and_who_would_lock_themselves_out_is_asked(desk: Desk) -> None:
    mine = desk.json("key", "list")["keys"][0]["id"]
    desk.done("key", "add", "--new-key-file", str(desk.folder / "two.key"))
    assert desk.json("key", "remove", mine[:8], status=5)["error"]["hint"]
    assert "Nothing that is stored was written again" in desk.done("key", "remove", mine[:8], key="two.key")
    assert (desk.opens("r.key"), desk.opens("two.key")) == (False, True)


def test_rotating_makes_a_key_file_beside_the_old_one(desk: Desk) -> None:
    told = desk.done("key", "rotate")
    assert "r-2.key" in told
    assert "Nothing that is stored was written again" in told
    assert (desk.opens("r.key"), desk.opens("r-2.key"), desk.kinds()) == (False, True, ["file"])
    assert (desk.folder / "r-2.key").stat().st_mode & 0o777 == 0o600
    assert not any(secret in told for secret in desk.secrets())


def test_rotating_takes_the_key_file_of_an_attempt_that_died(desk: Desk) -> None:
    desk.done("key", "add", "--new-key-file", str(desk.folder / "r-2.key"))
    facts = desk.json("key", "rotate")
    assert (facts["keyFileMade"], len(facts["removed"]), desk.kinds()) == (False, 1, ["file"])
    assert desk.opens("r-2.key")


def test_a_passphrase_is_replaced_only_by_one_that_is_named(desk: Desk) -> None:
    old = desk.phrase("correct horse")
    desk.done("key", "add", "--new-passphrase-file", old)
    assert "not named" in desk.json("key", "rotate", "--passphrase-file", old, status=2)["error"]["message"]
    new = desk.folder / "new"
    new.write_text("battery staple")
    new.chmod(0o600)
    desk.done("key", "rotate", "--passphrase-file", old, "--new-passphrase-file", str(new))
    assert desk.run("recover", "--passphrase-file", old).exit_code == 5
    desk.done("recover", "--passphrase-file", str(new))
    assert desk.opens("r.key")


@pytest.mark.parametrize(
    ("name", "next_"),
    [
        ("r.key", "r-2.key"),
        ("r-2.key", "r-3.key"),
        ("my-app.key", "my-app-2.key"),
        ("k", "k-2"),
        ("-9", "-9-2"),
    ],
)
def test_the_names_of_key_files_count_up(name: str, next_: str) -> None:
    assert beside(Path("/a-7") / name) == Path("/a-7") / next_


def whole(page: str) -> str:
    return page


def block(page: str) -> str:
    found = BLOCK.search(page)
    assert found is not None
    return found[0]


def groups(page: str) -> str:
    """Only what somebody would type, as it comes."""
    return "\n".join(block(page).lower().splitlines()[1:-1])


@pytest.mark.parametrize("typed", [whole, block, groups])
def test_what_is_typed_from_a_kit_opens_without_any_other_key(
    desk: Desk, typed: Callable[[str], str]
) -> None:
    text = typed(desk.done("key", "kit", "--yes-print-secret"))
    (desk.folder / "r.key").unlink()
    desk.done("key", "from-kit", "-", str(desk.folder / "paper.key"), answer=text)
    assert (desk.folder / "paper.key").stat().st_mode & 0o777 == 0o600
    assert desk.opens("paper.key")


def test_a_kit_for_a_browser_holds_the_same(desk: Desk) -> None:
    facts = desk.json("key", "kit", "--html", "--output", str(desk.folder / "kit.html"))
    page = desk.folder / "kit.html"
    assert page.stat().st_mode & 0o777 == 0o600
    assert not re.search(r"<(script|link|img)|https?:", page.read_text())
    desk.done("key", "from-kit", "-", str(desk.folder / "paper.key"), answer=unescape(page.read_text()))
    assert desk.opens("paper.key")
    assert (facts["file"], "page" in facts) == (str(page), False)


def test_a_kit_says_where_what_and_how(desk: Desk) -> None:
    page = desk.done("key", "kit", "--yes-print-secret")
    (kit,) = (row for row in desk.json("key", "list")["keys"] if row["kind"] == "kit")
    for needed in (
        str(desk.folder / "r"),
        kit["id"][:12],
        kit["hint"],
        "version 1",
        "firekeep recover latest --project",
    ):
        assert needed in page
    commands = [line.split() for line in page.splitlines() if line.startswith("     firekeep ")]
    for _, *words in commands:
        assert CliRunner().invoke(app, [*words[: 1 + (words[0] == "key")], "--help"]).exit_code == 0
    options = {word for words in commands for word in words if word.startswith("--")}
    assert options == {"--repository", "--key-file", "--project"}


def test_each_kit_has_a_key_of_its_own_which_goes_alone(desk: Desk) -> None:
    first, second = (desk.json("key", "kit", "--yes-print-secret") for _ in range(2))
    desk.done("key", "rotate")
    desk.done("key", "remove", first["id"][:12], key="r-2.key")
    for facts, works in ((first, False), (second, True)):
        name = f"{facts['keyId']}.key"
        desk.done("key", "from-kit", "-", str(desk.folder / name), answer=facts["page"])
        assert desk.opens(name) is works


def test_a_mistyped_kit_is_refused_by_group_and_makes_no_file(desk: Desk) -> None:
    lines = block(desk.done("key", "kit", "--yes-print-secret")).splitlines()
    group = lines[2].split("5: ")[1][:9]
    broken = "\n".join(lines).replace(group, ("X" if group[0] != "X" else "Y") + group[1:])
    error = desk.json("key", "from-kit", "-", str(desk.folder / "paper.key"), answer=broken, status=2)[
        "error"
    ]
    assert error["message"] == "group 5 of the kit's key is mistyped"
    assert not (desk.folder / "paper.key").exists()


def test_a_kit_that_cannot_be_written_leaves_no_key_behind(desk: Desk) -> None:
    desk.json("key", "kit", "--output", str(desk.folder / "none" / "kit.txt"), status=3)
    taken = desk.folder / "taken"
    taken.write_text("something else")
    desk.json("key", "kit", "--output", str(taken), status=2)
    assert desk.kinds() == ["file"]
    assert taken.read_text() == "something else"


def test_a_repository_without_encryption_has_no_keys(tmp_path: Path) -> None:
    env = {
        **dict.fromkeys(VARIABLES, ""),
        "FIREKEEP_KEY_FILE": "",
        "FIREKEEP_REPOSITORY": str(tmp_path / "r"),
    }
    for words, status in ((["init", "--no-encryption"], 0), (["key", "list"], 0), (["key", "rotate"], 2)):
        result = CliRunner().invoke(app, words, env=env)
        assert result.exit_code == status, result.output
        assert "not encrypted" in result.output


@pytest.mark.parametrize(("encryption", "compression"), list(product((True, False), repeat=2)))
def test_both_switches_of_init_hold_for_what_is_stored(
    tmp_path: Path, encryption: bool, compression: bool
) -> None:
    place = str(tmp_path / "r")
    switches = [
        f"--no-{name}" for name, on in (("encryption", encryption), ("compression", compression)) if not on
    ]
    env = {**dict.fromkeys(VARIABLES, ""), "FIREKEEP_KEY_FILE": "", "FIREKEEP_REPOSITORY": place}
    result = CliRunner().invoke(app, ["init", "--json", *switches], env=env)
    facts = json.loads(result.stdout)
    assert (facts["encryption"], facts["compression"]) == (encryption, compression)
    key = Path(f"{place}.key") if encryption else None
    repository = wiring.open_repository(Settings(repository=place, key_file=key))
    text = b"the same words again and again. " * 1000
    with repository.writer() as writer:
        writer.put(BlobKind.CHUNK, text)
        writer.flush()
    packs = b"".join(path.read_bytes() for path in (tmp_path / "r" / "packs").rglob("*") if path.is_file())
    assert (text[:320] in packs) == (not encryption and not compression)
    assert (len(packs) < len(text) // 10) == compression
    assert key is None or base64.b64decode(key.read_text().split()[1]) not in packs
