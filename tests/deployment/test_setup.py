"""`firekeep setup`, with a recorder in the place of gcloud, npx and firekeep."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.app import app
from functions.table import FUNCTIONS

RECORDER = Path(__file__).with_name("recorder.sh")
PROJECT = "my-app-1"
Argv = tuple[str, ...]


@dataclass
class Laptop:
    """A folder first on PATH, with programs that write down what they were given."""

    bin: Path

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": f"{self.bin}{os.pathsep}/usr/bin{os.pathsep}/bin"}

    def setup(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["setup", "--project", PROJECT, *words], env=self.env)

    def log(self) -> list[Argv]:
        """What was run since the last time it was asked."""
        path = self.bin / "log"
        text = path.read_text() if path.exists() else ""
        path.unlink(missing_ok=True)
        return [tuple(line.split("\0")) for line in text.split("\0\n") if line]

    def fail(self, words: str) -> None:
        (self.bin / "fail").write_text(words)

    def mend(self) -> None:
        (self.bin / "fail").unlink()


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in ("gcloud", "npx", "firekeep"):
        shutil.copy(RECORDER, folder / program)
        (folder / program).chmod(0o755)
    return Laptop(folder)


def changing(log: list[Argv]) -> list[Argv]:
    """Without what only looks."""
    return [argv for argv in log if "describe" not in argv]


def test_everything_is_deployed_with_exactly_these_arguments(laptop: Laptop) -> None:
    result = laptop.setup("--yes")
    assert result.exit_code == 0, result.output
    log = laptop.log()
    made = set(changing(log))
    scope = f"--project={PROJECT}"
    assert ("gcloud", "pubsub", "topics", "create", "backup-part", scope) in made
    assert (
        "gcloud", "firestore", "databases", "create", "--database=firekeep", scope, "--type=firestore-native",
        "--location=europe-west1", "--delete-protection",
    ) in made  # fmt: skip
    assert (
        "gcloud", "storage", "buckets", "create", "gs://my-app-1-firekeep", scope, "--location=europe-west1",
        "--uniform-bucket-level-access", "--public-access-prevention", "--retention-period=7d",
    ) in made  # fmt: skip
    assert (
        "gcloud", "projects", "add-iam-policy-binding", PROJECT,
        f"--member=serviceAccount:firekeep-snapshot@{PROJECT}.iam.gserviceaccount.com",
        f"--role=projects/{PROJECT}/roles/firekeepDocumentReader",
        f'--condition=expression=resource.name=="projects/{PROJECT}/databases/(default)",title=firekeep-app',
        "--format=none",
    ) in made  # fmt: skip
    deployed = [argv[3] for argv in log if argv[1:3] == ("functions", "deploy")]
    assert deployed == [f"firekeep-{spec.name}" for spec in FUNCTIONS]
    agent = "--member=serviceAccount:service-123456@gcp-sa-pubsub.iam.gserviceaccount.com"
    assert any(agent in argv for argv in made)
    updated = [argv for argv in log if argv[1:4] == ("pubsub", "subscriptions", "update")]
    assert {argv[4] for argv in updated} == {"projects/p/subscriptions/eventarc-s"}
    assert log[-1][:3] == ("gcloud", "scheduler", "jobs") or not any(spec.schedule for spec in FUNCTIONS)


def test_run_again_it_makes_nothing(laptop: Laptop) -> None:
    assert laptop.setup("--yes").exit_code == 0
    laptop.log()
    again = laptop.setup("--yes")
    assert again.exit_code == 0, again.output
    assert [argv for argv in laptop.log() if "create" in argv] == []


def test_the_script_of_a_dry_run_does_the_same_and_the_dry_run_nothing(laptop: Laptop) -> None:
    shown = laptop.setup("--dry-run")
    assert shown.exit_code == 0
    assert laptop.log() == []
    subprocess.run(["sh", "-c", shown.stdout], env=laptop.env, check=True, timeout=100, capture_output=True)
    by_script = changing(laptop.log())
    for name in ("made", "log"):
        (laptop.bin / name).unlink(missing_ok=True)
    assert laptop.setup("--yes").exit_code == 0
    assert by_script == changing(laptop.log())


def test_at_the_first_failure_it_stops_and_says_how_to_go_on(laptop: Laptop) -> None:
    laptop.fail("functions deploy firekeep-verify")
    result = laptop.setup("--yes")
    assert result.exit_code == 6
    assert "PERMISSION_DENIED" in result.stderr
    assert "--from deploy-verify" in result.stderr
    assert laptop.log()[-1][1:4] == ("functions", "deploy", "firekeep-verify")
    laptop.mend()
    assert laptop.setup("--yes", "--from", "deploy-verify").exit_code == 0
    first = laptop.log()[0]
    assert first[1:4] == ("functions", "deploy", "firekeep-verify")


def test_what_may_not_be_looked_at_is_not_taken_for_absent(laptop: Laptop) -> None:
    laptop.fail("secrets describe")
    result = laptop.setup("--yes")
    assert result.exit_code == 6
    assert "step key" in result.stderr
    assert not any(argv[1:3] == ("secrets", "create") for argv in laptop.log())


def test_nothing_is_run_without_a_yes(laptop: Laptop) -> None:
    assert laptop.setup().exit_code == 130
    assert laptop.setup("--json").exit_code == 2
    assert laptop.log() == []


def test_nothing_is_run_when_a_program_is_missing(laptop: Laptop) -> None:
    (laptop.bin / "npx").unlink()
    # Only the recorder's folder: a system may have an npx of its own.
    result = CliRunner().invoke(app, ["setup", "--project", PROJECT, "--yes"], env={"PATH": str(laptop.bin)})
    assert result.exit_code == 3
    assert "npx" in result.stderr
    assert laptop.log() == []


@pytest.mark.parametrize(
    "words",
    [
        ("--region", "europe-west1; rm -rf ~"),
        ("--region", "$(id)"),
        ("--bucket", "a b"),
        ("--bucket", "--help"),
        ("--media-bucket", "x,FIREKEEP_SECRET=mine"),
        ("--retention", "7d --force"),
        ("--database", "firekeep"),
        ("--database", "'"),
        ("--state-location", " "),
        ("--from", "nowhere"),
        ("--only", "everything"),
        ("--source", "/nowhere"),
        ("--project", "UPPER"),
    ],
)
def test_what_is_not_a_name_is_refused_before_anything_is_done(
    laptop: Laptop, words: tuple[str, str]
) -> None:
    result = laptop.setup("--yes", *words)
    assert result.exit_code == 2, result.output
    assert laptop.log() == []


def test_only_what_is_backed_up_is_granted(laptop: Laptop) -> None:
    script = laptop.setup("--dry-run", "--only", "entries").stdout
    assert "firekeepDocumentReader" in script
    assert "--role=projects/my-app-1/roles/firekeepMediaReader" not in script
    assert "--role=projects/my-app-1/roles/firekeepProjectWriter" not in script
    assert "FIREKEEP_CONTENTS=entries," in script
