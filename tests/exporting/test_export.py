"""Exports, read back by readers that are not ours: nothing is lost, rounded, run as a formula or written elsewhere."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from click.testing import Result

from shared.contents import ENTRIES, SETTINGS, USERS
from shared.exporting.exported import Export, write_export
from shared.exporting.lines import Record
from shared.exporting.names import Namer
from shared.exporting.table import MOST_COLUMNS, write_tables
from shared.format.key import key_of_path, path_of
from shared.format.record import to_json
from shared.repository.tree import scan
from tests.exporting.conftest import Run
from tests.exporting.export_samples import AT, Made, accounts, document, files, values


def wanted(made: Made, snapshot: str = "second") -> dict[str, dict[str, Any]]:
    """The snapshot's documents by path, in order, read without any of what is tested."""
    root = made.repository.manifest(snapshot).roots[ENTRIES]
    return {
        path_of(key): {"path": path_of(key), **to_json(value)}
        for keys, found in scan(made.repository, root)
        for key, value in zip(keys, found, strict=True)
    }


def same(one: Any, other: Any) -> bool:
    """Equal, and -0.0 is not 0.0, nor is 1 1.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def test_json_lines_hold_every_document_exactly_and_in_order(made: Made, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    answer = json.loads(done(run("export", "latest", "--output", out, "--json")).stdout)

    found = [json.loads(line) for line in out.read_text(encoding="utf-8").split("\n")[:-1]]
    assert same(found, list(wanted(made).values()))
    assert answer["records"] == {ENTRIES: len(found)}
    assert done(run("export", "latest", "--output", "-")).stdout_bytes == out.read_bytes()


def test_a_selection_is_exported_and_nothing_beside_it(made: Made, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    done(run("export", "first", "--prefix", "shops", "--except", "entries=shops/s1", "--output", out))
    paths = [json.loads(line)["path"] for line in out.read_text(encoding="utf-8").split("\n")[:-1]]
    expected = [path for path in wanted(made, "first") if path.startswith("shops/") and "/s1/" not in path]
    assert paths == expected


def test_json_is_one_object_by_root_collection(made: Made, run: Run, tmp_path: Path) -> None:
    done(run("export", "latest", "--format", "json", "--output", tmp_path / "a"))
    found = json.loads((tmp_path / "a").read_text(encoding="utf-8"))
    assert list(found) == ["odd", "shops", "types", "users"]
    assert same([one for group in found.values() for one in group], list(wanted(made).values()))


def test_an_empty_export_is_valid_in_every_form(made: Made, tmp_path: Path) -> None:
    nothing: dict[str, Any] = {ENTRIES: {"include": ["absent"]}}
    for form in ("jsonl", "json", "csv", "parquet", "zip"):
        export = Export(made.repository, made.repository.manifest("first"), nothing)
        write_export(export, form, str(tmp_path / form), force=False, seen=lambda *_: None)
    assert (tmp_path / "jsonl").read_bytes() == b""
    assert json.loads((tmp_path / "json").read_bytes()) == {}
    assert list((tmp_path / "csv").iterdir()) == []
    assert pyarrow.parquet.read_table(tmp_path / "parquet").num_rows == 0
    assert zipfile.ZipFile(tmp_path / "zip").namelist() == ["export.json"]


def cells(folder: Path) -> dict[str, dict[str, str]]:
    """Every row of every table by its document's path, read by Python's own reader; apostrophes taken away."""
    found = {}
    for file in folder.iterdir():
        with file.open(encoding="utf-8", newline="") as rows:
            for row in csv.DictReader(rows, strict=True):
                bare = {name.removeprefix("'"): cell.removeprefix("'") for name, cell in row.items()}
                assert bare["__path__"] not in found
                found[bare["__path__"]] = bare
    return found


def test_csv_has_a_table_for_each_kind_of_collection_and_every_cell(
    made: Made, run: Run, tmp_path: Path
) -> None:
    done(run("export", "latest", "--format", "csv", "--output", tmp_path / "out"))

    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "odd.csv", "shops.items.csv", "types.csv", "users.csv",
    ]  # fmt: skip
    found = cells(tmp_path / "out")
    assert found.keys() == wanted(made).keys()
    for path, one in wanted(made).items():
        for name, value in one["fields"].items():
            ((kind, inner),) = value.items()
            cell = found[path][f"{name}:{kind.removesuffix('Value')}"]
            if kind in ("mapValue", "arrayValue"):
                assert same(json.loads(cell), inner)
            elif kind == "doubleValue" and isinstance(inner, float):
                assert cell == repr(inner)
            elif kind in ("stringValue", "integerValue", "bytesValue", "timestampValue"):
                assert cell == inner


def test_no_cell_of_a_csv_begins_as_a_formula(made: Made, run: Run, tmp_path: Path) -> None:
    done(run("export", "latest", "--format", "csv", "--output", tmp_path / "out"))
    numbers = 0
    for file in (tmp_path / "out").iterdir():
        with file.open(encoding="utf-8", newline="") as rows:
            header, *rest = csv.reader(rows)
        assert not [name for name in header if name[:1] in "=+-@\t\r\n"]
        for row in rest:
            for name, cell in zip(header, row, strict=True):
                if name.endswith((":integer", ":double")):
                    numbers += 1
                else:
                    assert not cell or cell[0] not in "=+-@\t\r\n"
    assert numbers


def test_more_fields_than_columns_are_kept_in_one_column(tmp_path: Path) -> None:
    text = values()["text"]
    records = [
        Record(
            ENTRIES, key_of_path("a/b"), document({f"f{number}": text for number in range(MOST_COLUMNS + 5)})
        )
    ]
    write_tables(lambda: records, tmp_path)
    row = cells(tmp_path)["a/b"]
    rest = json.loads(row["__rest__"])
    assert len(rest) == 5
    assert sum(name.endswith(":string") and bool(cell) for name, cell in row.items()) == MOST_COLUMNS


def test_parquet_is_read_by_pyarrow_with_times_and_exact_fields(made: Made, run: Run, tmp_path: Path) -> None:
    done(run("export", "latest", "--format", "parquet", "--output", tmp_path / "a.parquet"))
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")

    expected = wanted(made)
    assert table.column("path").to_pylist() == list(expected)
    rows = {row["path"]: row for row in table.to_pylist()}
    assert all(same(json.loads(rows[path]["fields"]), one["fields"]) for path, one in expected.items())
    assert rows["types/all"]["create_time"] == AT
    assert rows["types/nan"]["create_time"] is None
    plain = json.loads(rows["types/all"]["data"])
    assert (plain["int"], plain["one"], plain["array"], plain["nan"]) == (2**63 - 1, 1.0, [], "NaN")
    assert (rows["shops/s1/items/i1"]["collection"], rows["shops/s1/items/i1"]["id"]) == (
        "shops/s1/items",
        "i1",
    )


def test_a_zip_holds_everything_and_no_way_out_of_its_folder(made: Made, run: Run, tmp_path: Path) -> None:
    done(run("export", "latest", "--format", "zip", "--output", tmp_path / "a.zip"))
    archive = zipfile.ZipFile(tmp_path / "a.zip")
    assert archive.testzip() is None

    names = archive.namelist()
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert not name.startswith("/")
        assert not {"", ".", ".."} & set(name.split("/"))
        assert "\\" not in name
        assert name.isprintable()
    archive.extractall(tmp_path / "out")
    lines = [json.loads(line) for line in archive.read("media.jsonl").decode().split("\n")[:-1]]
    assert {one["name"]: (tmp_path / "out" / one["file"]).read_bytes() for one in lines} == files()
    documents = [json.loads(line) for line in archive.read("entries.jsonl").decode().split("\n")[:-1]]
    assert same(documents, list(wanted(made).values()))
    for content, expected in ((USERS, len(accounts())), (SETTINGS, 2)):
        assert archive.read(f"{content}.jsonl").count(b"\n") == expected
    about = json.loads(archive.read("export.json"))
    assert about["records"]["media"] == len(files())


def test_accounts_are_as_auth_import_reads_them(run: Run, tmp_path: Path) -> None:
    done(run("export", "latest", "--only", "users", "--format", "zip", "--output", tmp_path / "a.zip"))
    archive = zipfile.ZipFile(tmp_path / "a.zip")
    first, second = json.loads(archive.read("users.json"))["users"]
    assert (first["localId"], first["passwordHash"]) == ("u1", "aG+/aA==")
    assert second == {"localId": "ü/2", "customAttributes": '{"admin":true}', "lastSignedInAt": "5"}
    (other,) = json.loads(archive.read("users-tenant-1.json"))["users"]
    assert other["providerUserInfo"] == [{"providerId": "google.com", "rawId": "7"}]


def test_what_exists_is_not_replaced_unless_asked(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    out.write_text("mine")
    refused = run("export", "latest", "--output", out)
    assert (refused.exit_code, out.read_text()) == (4, "mine")
    done(run("export", "latest", "--output", out, "--force"))
    assert out.read_bytes().startswith(b'{"path":')
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("form", ["jsonl", "csv", "zip"])
def test_what_is_interrupted_leaves_nothing(made: Made, tmp_path: Path, form: str) -> None:
    stopped = []

    def stop(*_: int) -> None:
        stopped.extend(tmp_path.iterdir())
        raise KeyboardInterrupt

    export = Export(made.repository, made.repository.manifest("first"), {ENTRIES: {}})
    with pytest.raises(KeyboardInterrupt):
        write_export(export, form, str(tmp_path / "out"), force=False, seen=stop)
    assert stopped
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["jsonl", "json", "csv", "parquet"])
def test_a_form_without_a_place_for_a_content_says_so(run: Run, tmp_path: Path, form: str) -> None:
    refused = run("export", "latest", "--only", "users", "--format", form, "--output", tmp_path / "a")
    assert refused.exit_code == 2
    assert "zip" in refused.output


def test_an_archive_can_be_read_while_it_comes(run: Run) -> None:
    found = done(run("export", "latest", "--only", "users", "--format", "zip", "--output", "-")).stdout_bytes
    assert "users.jsonl" in zipfile.ZipFile(io.BytesIO(found)).namelist()


def test_names_that_are_alike_get_paths_of_their_own() -> None:
    names = Namer("m/")
    hostile = [
        "a",
        "A",
        "a/b",
        "a/b/c",
        "b/c",
        "b",
        "%2E%2E",
        "..",
        ".",
        "",
        "//",
        "é",
        "e\u0301",
        "x" * 5000,
        "nul.txt",
    ]
    paths = [names.path(*name.split("/")) for name in hostile]
    assert len({path.casefold() for path in paths}) == len(paths)
    folded = {path.casefold() for path in paths}
    assert not [path for path in folded if any(other.startswith(f"{path}/") for other in folded)]
