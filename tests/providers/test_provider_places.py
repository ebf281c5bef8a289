"""Where a repository is: read as people write it, written one way, and nothing that is not a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import BadInput
from shared.providers.places import Place, parse_place, parse_places


@pytest.mark.parametrize(
    ("text", "place", "kind"),
    [
        ("gs://bucket", Place("gs", "bucket", ""), "cloud"),
        ("gs://bucket/", Place("gs", "bucket", ""), "cloud"),
        ("gs://my.bucket-1_x/a/b/", Place("gs", "my.bucket-1_x", "a/b"), "cloud"),
        ("s3://bucket/app", Place("s3", "bucket", "app"), "cloud"),
        ("S3://bucket/app", Place("s3", "bucket", "app"), "cloud"),
        ("az://container/app", Place("az", "container", "app"), "cloud"),
        ("firebase://app.appspot.com/backups", Place("firebase", "app.appspot.com", "backups"), "firebase"),
        ("firebase:///backups", Place("firebase", "", "backups"), "firebase"),
        ("firebase://", Place("firebase", "", ""), "firebase"),
        ("/mnt/backups", Place("", "", "/mnt/backups"), "local"),
    ],
)
def test_a_place_is_read_and_written_again(text: str, place: Place, kind: str) -> None:
    assert parse_place(text) == place
    assert parse_place(str(place)) == place
    assert place.kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "gs://",
        "s3:///app",
        "ftp://host/app",
        "http://bucket/app",
        "gs://UPPER/app",
        "gs://bucket/../other",
        "gs://bucket//app",
        "gs://bucket/a b",
        "gs://bucket/ä",
        "gs://bucket/.hidden",
        "s3://user:secret@bucket/app",
        "s3://bucket/app?versionId=1",
        "gs://bucket/app\n",
    ],
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_place(text)
    assert caught.value.hint
    assert "secret" not in str(caught.value)


def test_a_folder_is_absolute_and_knows_the_home() -> None:
    assert parse_place("~/backups").prefix == str(Path("~/backups").expanduser())
    assert parse_place("./backups").prefix == str(Path("backups").absolute())


def test_several_places_are_separated_where_one_can_begin() -> None:
    text = "/mnt/my, old backups,gs://bucket/app \n s3://other/app  ~/copy"
    assert [str(place) for place in parse_places(text)] == [
        "/mnt/my, old backups",
        "gs://bucket/app",
        "s3://other/app",
        str(Path("~/copy").expanduser()),
    ]


def test_no_place_and_the_same_place_twice_are_refused() -> None:
    for text in ("", " , ", "gs://bucket/app gs://bucket/app/", "/a /a"):
        with pytest.raises(BadInput):
            parse_places(text)
