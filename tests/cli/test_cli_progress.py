"""Progress: a bar for a terminal, few plain lines for a log, nothing for a program; and what Ctrl-C does to work."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cli_desk import Desk, firestore, new_desk

from cli.interrupt import Background, Stop
from cli.jobs import SNAPSHOT, Job, watched
from cli.output import Output
from cli.progress import Meter, Reading
from shared import wiring
from shared.clock import SystemClock
from shared.errors import Busy, Unavailable
from shared.settings import Settings


class HandClock:
    """A clock that moves when it is waited with."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_a_log_gets_a_line_for_each_phase_and_few_more(capsys: pytest.CaptureFixture[str]) -> None:
    clock = HandClock()
    with Meter(Output(json=False), clock) as meter:
        meter.show(Reading("starting"))
        for done in range(0, 30_001, 1_000):
            meter.show(Reading("reading", done, 30_000, done * 500))
            clock.sleep(1)
        meter.show(Reading("committing", 30_000, 30_000))
    assert capsys.readouterr().err.splitlines() == [
        "starting",
        "reading",
        "reading 10,000 of 30,000, 5.0 MB, 1,000/s",
        "reading 20,000 of 30,000, 10.0 MB, 1,000/s",
        "reading 30,000 of 30,000, 15.0 MB, 1,000/s",
        "committing 30,000 of 30,000",
    ]


def test_a_program_hears_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter(Output(json=True), HandClock()) as meter:
        meter.show(Reading("reading", 1, 2))
    assert capsys.readouterr() == ("", "")


def test_work_in_the_background_answers_or_raises() -> None:
    assert Background(lambda: 7).result(lambda: None, lambda: None) == 7

    def fail() -> int:
        raise Busy("now")

    with pytest.raises(Busy, match="now"):
        Background(fail).result(lambda: None, lambda: None)


def test_the_first_ctrl_c_waits_until_the_work_has_stopped() -> None:
    stop, seen = Stop(SystemClock()), []

    def work() -> str:
        while not stop.near():
            threading.Event().wait(0.01)
        return "stopped well"

    def pressed() -> None:
        seen.append(1)
        raise KeyboardInterrupt

    assert Background(work).result(pressed, stop.ask) == "stopped well"
    assert seen == [1]


def test_the_second_ctrl_c_waits_for_nothing() -> None:
    never = threading.Event()

    def press() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Background(never.wait).result(press, press)
    never.set()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with firestore() as host:
        yield new_desk(tmp_path_factory.mktemp("desk"), host, every=400)


@pytest.fixture
def chosen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", desk.database.host)
    return Settings.from_env(desk.env)


def job(job_id: str) -> Job:
    return Job(job_id, SNAPSHOT, b"", lambda _, task: Reading("reading", task.data.get("items", 0)), "")


def test_watching_ends_when_nobody_takes_the_job_up(chosen: Settings) -> None:
    ports = replace(wiring.build_ports(chosen), clock=HandClock())
    with pytest.raises(Unavailable, match="no function has taken up job nobody"):
        watched(ports, Output(json=True), job("nobody"))


def test_watching_ends_when_nothing_moves_any_more(chosen: Settings) -> None:
    ports = wiring.build_ports(chosen)
    ports.ledger.create("stuck", {"kind": "snapshot"})
    with pytest.raises(Unavailable, match="job stuck has not moved for 30 min"):
        watched(replace(ports, clock=HandClock()), Output(json=True), job("stuck"))


def test_on_a_terminal_there_is_a_bar_and_the_result_is_still_plain(desk: Desk) -> None:
    terminal, screen = os.openpty()
    shown: list[bytes] = []

    def look() -> None:
        with open(terminal, "rb", buffering=0, closefd=False) as file:
            try:
                while data := file.read(4096):
                    shown.append(data)
            except OSError:
                # The other side has been closed: that is how a terminal ends.
                return

    looking = threading.Thread(target=look)
    looking.start()
    process = desk.start("backup", "--id", "seen", stderr=screen, FIREKEEP_PAGE_SIZE="1", TERM="xterm")
    os.close(screen)
    out, _ = process.communicate(timeout=60)
    looking.join()
    os.close(terminal)
    assert process.returncode == 0
    assert out.startswith("Backup seen is complete.\n")
    assert "\x1b" not in out
    assert re.search(r"(reading|committing) .*\x1b.*of \d", b"".join(shown).decode())


def test_elsewhere_there_is_no_bar(desk: Desk) -> None:
    process = desk.start("backup", "--id", "unseen")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "\x1b" not in out + err
    assert "\r" not in err
