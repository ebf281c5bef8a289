"""Documents exported and imported again are the same, whatever they hold; a file that is wrong changes nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.firestore import FirestoreEmulator
from shared import wiring
from shared.contents import ENTRIES
from shared.exporting.importing import Import, check_file, run_import
from shared.exporting.lines import Record, spelled, typed
from shared.exporting.parsing import parse_document, read_lines
from shared.format.key import key_of_path
from shared.format.record import canonical, equal, strip_times
from shared.format.references import absolutise
from shared.jobs.ports import Place
from shared.jobs.tally import Tally
from shared.settings import Settings
from tests.exporting.conftest import Run
from tests.exporting.export_samples import DocumentPb, document, documents, values


def there_and_back(value: bytes) -> bytes:
    line = spelled(typed(Record(ENTRIES, key_of_path("a/b"), value)))
    key, again = parse_document(line.encode())
    assert key == key_of_path("a/b")
    return again


def test_every_value_alone_and_nested_comes_back_bit_for_bit() -> None:
    for value in documents().values():
        assert canonical(there_and_back(value)) == canonical(strip_times(value))


make: Any = type(DocumentPb().fields["x"])
EVERY = values()


def array(items: list[Any]) -> Any:
    made = make(array_value={})
    made.array_value.values.extend(items)
    return made


def mapping(items: dict[str, Any]) -> Any:
    made = make(map_value={})
    for name, item in items.items():
        made.map_value.fields[name].CopyFrom(item)
    return made


PLAIN = st.one_of(
    st.sampled_from(list(EVERY.values())),
    st.integers(-(2**63), 2**63 - 1).map(lambda n: make(integer_value=n)),
    st.floats().map(lambda n: make(double_value=n)),
    st.text(st.characters(codec="utf-8")).map(lambda t: make(string_value=t)),
    st.binary(max_size=20).map(lambda b: make(bytes_value=b)),
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(array), st.dictionaries(NAMES, inner, max_size=3).map(mapping)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_document_comes_back_as_it_was(fields: dict[str, Any]) -> None:
    value = document(fields)
    assert equal(there_and_back(value), value)


@given(st.binary(min_size=8, max_size=8))
def test_any_double_comes_back_by_its_bits(bits: bytes) -> None:
    value = b"\x12\x0e\x0a\x01n\x12\x09\x19" + bits
    assert there_and_back(value) == value


WRONG = {
    '{"path":"a/b","fields":{"x":{"integerValue":"1.5"}}}': "field x",
    '{"path":"a/b","fields":{"x":{"integerValue":"9223372036854775808"}}}': "field x",
    '{"path":"a/b","fields":{"x":{"arrayValue":{"values":[{"nullValue":null},'
    '{"mapValue":{"fields":{"y":{"z":1}}}}]}}}}': "field x[1].y",
    '{"path":"a/b","fields":{"x":{"doubleValue":NaN}}}': "NaN",
    '{"path":"a/b","fields":{"x":{"doubleValue":"NaN:7ff0000000000000"}}}': "field x",
    '{"path":"a/b","fields":{"x":{"doubleValue":9007199254740993}}}': "field x",
    '{"path":"a/b","fields":{"x":{"bytesValue":"a_b"}}}': "base64",
    '{"path":"a/b","fields":{"x":{"timestampValue":"2026-01-01T00:00:00.123456789Z"}}}': "finer",
    '{"path":"a/b","fields":{"x":{"timestampValue":"2026-02-30T00:00:00Z"}}}': "field x",
    '{"path":"a/b","fields":{"x":{"referenceValue":"a/b"}}}': "field x",
    '{"path":"a/b","fields":{"x":{"stringValue":"\\ud800"}}}': "unicode",
    '{"path":"a/b","fields":{"x":{"stringValue":"a","nullValue":null}}}': "field x",
    '{"path":"a/b","fields":{"x":{"nullValue":null},"x":{"nullValue":null}}}': "twice",
    '{"path":"a/b/c","fields":{}}': "collection",
    '{"path":"a//b","fields":{}}': "path",
    '{"path":"a/b"}': "fields",
    '{"path":"a/b","fields":{},"other":1}': "other",
    '["a/b"]': "object",
    '{"path":"a/b","fields":{}': "JSON",
    '{"path":"ok/1","fields":{}}': "there before",
    '{"path":"backups/1","fields":{}}': "backup system",
}


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    emulator = FirestoreEmulator(host="127.0.0.1", port=0)
    try:
        yield emulator.start()
    finally:
        emulator.stop()


@pytest.fixture
def project() -> str:
    return f"demo-import-{random.randrange(10**9)}"


@pytest.fixture
def client(host: str, project: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host)
    return firestore.Client(project=project, credentials=AnonymousCredentials())


def state(client: Any) -> dict[str, bytes]:
    """Every document's fields by path, read by Google's client: bytes whose maps are sorted."""
    parent = f"projects/{client.project}/databases/(default)/documents"
    query = {"from": [{"all_descendants": True}]}
    found = {}
    for answer in client._firestore_api.run_query(request={"parent": parent, "structured_query": query}):
        raw = type(answer).pb(answer).document
        if raw.name:
            path = raw.name.removeprefix(f"{parent}/")
            raw.name = ""
            raw.ClearField("create_time")
            raw.ClearField("update_time")
            found[path] = raw.SerializeToString(deterministic=True)
    return found


@pytest.mark.parametrize("wrong", WRONG, ids=str.strip)
def test_a_line_that_is_wrong_is_named_and_nothing_is_written(
    run: Run, client: Any, host: str, project: str, tmp_path: Path, wrong: str
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f'{{"path":"ok/1","fields":{{}}}}\n\n{wrong}\n', encoding="utf-8")

    refused = run("import", file, "--yes", FIRESTORE_EMULATOR_HOST=host, FIREKEEP_PROJECT=project)

    assert refused.exit_code == 2
    assert "line 3" in refused.output
    assert WRONG[wrong] in refused.output
    assert state(client) == {}


def imported(run: Run, host: str, project: str, *words: object) -> dict[str, Any]:
    result = run("import", *words, "--json", FIRESTORE_EMULATOR_HOST=host, FIREKEEP_PROJECT=project)
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_an_export_imported_into_an_empty_database_is_the_same(
    run: Run, client: Any, host: str, project: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.jsonl"
    assert run("export", "first", "--output", file).exit_code == 0
    lines = file.read_text(encoding="utf-8").split("\n")[:-1]
    random.Random(7).shuffle(lines)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    planned = imported(run, host, project, file, "--dry-run")
    assert (planned["created"], state(client)) == (len(lines), {})
    done = imported(run, host, project, file)
    again = imported(run, host, project, file)

    assert (done["created"], done["checked"]) == (len(lines), len(lines))
    assert (again["unchanged"], again["created"], again["updated"]) == (len(lines), 0, 0)
    found = state(client)
    paths = [json.loads(line)["path"] for line in lines]
    expected = {}
    for path, line in zip(paths, read_lines(file), strict=True):
        # What is project-relative in the file has to be absolute in the database.
        made = DocumentPb.FromString(absolutise(line.value, project))
        expected[path] = made.SerializeToString(deterministic=True)
    assert found == expected


def test_only_what_differs_is_written_and_nothing_is_deleted_unless_asked(
    run: Run, client: Any, host: str, project: str, tmp_path: Path
) -> None:
    for path in ("in/same", "in/other", "in/extra", "in/same/below/extra", "out/extra"):
        client.document(path).set({"n": 1})
    file = tmp_path / "a.jsonl"
    one = '{"integerValue":"1"}'
    file.write_text(
        f'{{"path":"in/other","fields":{{"n":{{"doubleValue":1}}}}}}\n'
        f'{{"path":"in/same","fields":{{"n":{one}}}}}\n{{"path":"in/new","fields":{{}}}}'
    )
    before = client.document("in/same").get().update_time

    done = imported(run, host, project, file)
    assert [done[name] for name in ("created", "updated", "unchanged", "deleted")] == [1, 1, 1, 0]
    assert client.document("in/same").get().update_time == before
    assert len(state(client)) == 6

    exact = imported(run, host, project, file, "--exact")
    assert (exact["deleted"], exact["unchanged"]) == (2, 3)
    assert sorted(state(client)) == ["in/new", "in/other", "in/same", "out/extra"]


def test_references_in_full_to_the_target_are_its_own_and_others_stay(
    run: Run, client: Any, host: str, project: str, tmp_path: Path
) -> None:
    names = {
        "own": f"projects/{project}/databases/(default)/documents/a/b",
        "relative": "databases/(default)/documents/a/b",
        "foreign": "projects/elsewhere/databases/(default)/documents/a/b",
    }
    fields = {name: {"referenceValue": text} for name, text in names.items()}
    (tmp_path / "a").write_text(json.dumps({"path": "r/1", "fields": fields}))
    imported(run, host, project, tmp_path / "a")
    again = imported(run, host, project, tmp_path / "a")

    assert again["unchanged"] == 1
    assert names["own"].encode() in state(client)["r/1"]
    assert state(client)["r/1"].count(names["own"].encode()) == 2
    assert names["foreign"].encode() in state(client)["r/1"]


class Meddling:
    """A source to which somebody else writes between our look and our write."""

    def __init__(self, source: Any, meddle: Any) -> None:
        self._source = source
        self._meddle = meddle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def apply(self, writes: Any) -> Any:
        self._meddle()
        return self._source.apply(writes)


def test_a_document_that_somebody_changes_meanwhile_is_left_and_named(
    client: Any, host: str, project: str, tmp_path: Path
) -> None:
    client.document("a/changed").set({"n": 1})
    file = tmp_path / "a.jsonl"
    line = '{"path":"a/%s","fields":{"n":{"integerValue":"2"}}}\n'
    file.write_text("".join(line % name for name in ("changed", "made", "new")))

    def meddle() -> None:
        client.document("a/changed").set({"n": 7})
        client.document("a/made").set({"n": 8})

    place = Place(project, "(default)")
    source = wiring.firestore_source(Settings(project=project, firestore_emulator=host, ramp=False), place)
    tally = Tally()
    job = Import(check_file(file, (), lambda *_: None), Meddling(source, meddle), place, ())
    run_import(job, tally, lambda *_: None)

    assert (tally.created, tally.conflicts, len(tally.told)) == (1, 2, 2)
    found = {one.id: one.to_dict()["n"] for one in client.collection("a").stream()}
    assert found == {"changed": 7, "made": 8, "new": 2}
