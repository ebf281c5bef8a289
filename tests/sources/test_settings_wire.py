"""Services that are not there, not allowed, not well or not honest, as sources of settings meet them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from firestore_rig import source as firestore
from settings_rig import Place, idp, new_project, one, read, rules, template

from emulators.auth import AuthEmulator
from shared.contents import SETTINGS
from shared.errors import BadInput, Corrupt, Denied, FirekeepError, Incomplete, Unavailable, Unsupported
from shared.format.forms import FORMS
from shared.format.setting import CONFIG_KEY, encode_document, guard, hash_config, key_of
from shared.sources.contract import Kind, Method, Result, Scope, Write
from shared.sources.settings import BY_HAND, Endpoints, SettingsSource

TEMPLATE_KEY = key_of("remote-config", "template")
RULES_KEY = key_of("firestore", "rules")
GOOGLE = key_of("auth", "idps", "defaultSupportedIdpConfigs", "google.com")
Answer = tuple[int, bytes, dict[str, str]]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


@contextmanager
def answering(place: Place, of: str, *answers: Answer | None, verb: str = "") -> Iterator[list[str]]:
    """These answers to the requests whose path holds `of`, one after the other, the last one for ever."""
    left, seen = list(answers), []

    def fault(asked: str, path: str) -> Answer | None:
        if of not in path or verb not in ("", asked):
            return None
        seen.append(path)
        return left.pop(0) if len(left) > 1 else left[0]

    place.services.fault = fault
    try:
        yield seen
    finally:
        place.services.fault = lambda _verb, _path: None


def refusal(status: int, name: str, message: str = "", reason: str = "") -> Answer:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    error = {"code": status, "status": name, "message": message or name, "details": details}
    return status, json.dumps({"error": error}).encode(), {}


DISABLED = refusal(403, "PERMISSION_DENIED", "It was never used", "SERVICE_DISABLED")
DENIED = refusal(403, "PERMISSION_DENIED", "The caller does not have permission")
LATER = refusal(503, "UNAVAILABLE")


UNUSED = "X has not been used in project 1 before"


# Not there


@pytest.mark.parametrize(
    ("api", "path", "answer"),
    [
        ("identitytoolkit", "auth", DISABLED),
        ("identitytoolkit", "auth", refusal(404, "NOT_FOUND", "CONFIGURATION_NOT_FOUND")),
        ("firebaserules", "firestore/rules", DISABLED),
        ("firebaseremoteconfig", "remote-config", refusal(403, "PERMISSION_DENIED", UNUSED)),
        ("firestore", "firestore/indexes", DISABLED),
        ("firestore", "firestore/fields", refusal(404, "NOT_FOUND", "The database (default) does not exist")),
    ],
)
def test_a_service_that_is_not_set_up_is_told_and_is_no_error(
    place: Place, api: str, path: str, answer: Answer
) -> None:
    source = place.source()
    with answering(place, f"/{api}/", answer):
        plan = source.plan(Scope(), source.instant())
        assert plan.absent.get(path)
        assert not any(FORMS[SETTINGS].name(part.start).startswith(path) for part in plan.parts)
        assert source.lookup([GOOGLE, TEMPLATE_KEY, RULES_KEY]).count(None) == 3


@pytest.mark.parametrize(
    ("api", "key", "value"),
    [
        ("identitytoolkit", GOOGLE, idp(clientId="c")),
        ("firebaserules", RULES_KEY, rules("r")),
        ("firebaseremoteconfig", TEMPLATE_KEY, template(a="1")),
    ],
)
def test_what_it_held_is_for_people_to_bring_back(place: Place, api: str, key: bytes, value: bytes) -> None:
    source = place.source()
    with answering(place, f"/{api}/", DISABLED):
        outcome = one(source, key, value)
    assert outcome.result is Result.FAILED and outcome.reason.startswith(BY_HAND) and api in outcome.reason


def test_a_project_without_identity_platform_has_no_other_providers(place: Place) -> None:
    source = place.source()
    assert one(source, GOOGLE, idp(clientId="c")).result is Result.DONE
    for answer in (refusal(400, "INVALID_ARGUMENT", "OPERATION_NOT_ALLOWED : upgrade"), (501, b"{}", {})):
        with answering(place, "Configs", answer):
            assert list(read(source, "auth")) == [CONFIG_KEY]
            assert source.lookup([GOOGLE]) == [None]
            assert one(source, GOOGLE, idp(clientId="c")).result is Result.FAILED


def test_tenants_are_asked_for_where_there_may_be_some(place: Place) -> None:
    source = place.source()
    for config, asked in (
        ({"subtype": "FIREBASE_AUTH"}, False),
        ({"subtype": "IDENTITY_PLATFORM", "multiTenant": {"allowTenants": True}}, True),
        ({"signIn": {}}, True),
    ):
        calls = len(place.services.calls)
        with answering(place, "/config", (200, json.dumps(config).encode(), {})):
            read(source, "auth")
        assert any("/tenants" in call for call in place.services.calls[calls:]) == asked


def test_in_an_emulator_only_what_it_serves_is_read(place: Place, host: str) -> None:
    auth = AuthEmulator()
    try:
        project = new_project()
        source = place.source(
            project,
            endpoints=Endpoints.of_emulators(auth.start()),
            documents=firestore(host, project),
            collections=["config"],
            need_hashes=True,
        )
        document = FORMS[SETTINGS].key("firestore/documents/config/a")
        assert one(source, document, encode_document(b"")).result is Result.DONE
        assert one(source, GOOGLE, idp(enabled=True, clientId="c")).result is Result.DONE
        found = read(source)
        assert list(found) == [CONFIG_KEY, GOOGLE, document]
        assert hash_config(found[CONFIG_KEY])
        plan = source.plan(Scope(), source.instant())
        assert list(plan.absent) == [
            "firestore/fields",
            "firestore/indexes",
            "firestore/rules",
            "remote-config",
        ]
        assert all("emulator" in reason for reason in plan.absent.values())
    finally:
        auth.stop()


# Not allowed


@pytest.mark.parametrize(
    ("api", "role"),
    [
        ("identitytoolkit", "roles/firebaseauth.admin"),
        ("firebaserules", "roles/firebaserules.viewer"),
        ("firebaseremoteconfig", "roles/cloudconfig.viewer"),
        ("firestore", "roles/datastore.viewer"),
    ],
)
def test_a_missing_permission_names_the_role(place: Place, api: str, role: str) -> None:
    source = place.source()
    with answering(place, f"/{api}/", DENIED), pytest.raises(Denied) as caught:
        source.plan(Scope(), source.instant())
    assert role in caught.value.hint


def test_a_permission_that_only_writing_needs_names_its_role(place: Place) -> None:
    source = place.source()
    with answering(place, "rulesets", DENIED, verb="POST"), pytest.raises(Denied) as caught:
        one(source, RULES_KEY, rules("r"))
    assert "roles/firebaserules.admin" in caught.value.hint


def test_hidden_hash_parameters_stop_a_backup_before_it_starts(place: Place) -> None:
    source, project = place.source(need_hashes=True), new_project()
    hidden = 200, json.dumps({"name": f"projects/{project}/config", "signIn": {}}).encode(), {}
    with answering(place, "/config", hidden), pytest.raises(Denied, match="hash parameters") as caught:
        source.plan(Scope(), source.instant())
    assert "roles/firebaseauth.admin" in caught.value.hint
    with answering(place, "/config", hidden):
        assert hash_config(read(place.source(), "auth/config")[CONFIG_KEY]) is None


def test_credentials_that_are_none(place: Place) -> None:
    source = place.source()
    with answering(place, "", refusal(401, "UNAUTHENTICATED")), pytest.raises(Denied, match="credentials"):
        read(source)


# Not well


@pytest.mark.parametrize("answer", [LATER, refusal(429, "RESOURCE_EXHAUSTED"), (500, b"<html>", {})])
def test_a_call_is_made_again_and_not_for_ever(place: Place, answer: Answer) -> None:
    source = place.source()
    with answering(place, "remoteConfig", answer, None):
        assert read(source, "remote-config") == {}
    with answering(place, "remoteConfig", answer) as seen, pytest.raises(Unavailable):
        read(source, "remote-config")
    assert len(seen) == 3


def test_nobody_answers(place: Place) -> None:
    source = place.source(endpoints=Endpoints(*["http://127.0.0.1:9"] * 4, token="owner"))
    with pytest.raises(Unavailable):
        read(source, "auth")


@pytest.mark.parametrize(
    ("key", "value"), [(GOOGLE, idp(clientId="c")), (TEMPLATE_KEY, template(a="1")), (RULES_KEY, rules("r"))]
)
def test_a_write_whose_answer_was_lost_is_moved_and_there(place: Place, key: bytes, value: bytes) -> None:
    source, lost = place.source(), []

    def lose(verb: str, path: str) -> Answer | None:
        if verb not in ("PUT", "POST") or path.endswith("/rulesets") or lost:
            return None
        lost.append(verb)
        return LATER

    place.services.loss = lose
    try:
        outcome = one(source, key, value)
    finally:
        place.services.loss = lambda _verb, _path: None
    assert lost and outcome.result is Result.MOVED
    (found,) = source.lookup([key])
    assert found and FORMS[SETTINGS].equal(found, value)


def test_settings_that_change_between_plan_and_reading_are_noticed(place: Place) -> None:
    source = place.source()
    plan = source.plan(Scope(("remote-config",)), source.instant())
    assert one(source, TEMPLATE_KEY, template(a="1")).result is Result.DONE
    with pytest.raises(Incomplete):
        list(source.read(plan.parts[0]))


INDEX = "projects/p/databases/d/collectionGroups/g/indexes/i"


# Not honest


HUGE = gzip.compress(b'{"a": "' + b"x" * (33 << 20) + b'"}')


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Corrupt),
        (b"[]", Corrupt),
        (b"<html>", Corrupt),
        (b'{"a": NaN}', Corrupt),
        (b'{"a": "\\ud800"}', Corrupt),
        (b'{"a": 1, "a": 2}', Corrupt),
        (b'{"a":' * 100_000, Corrupt),
        (b'{"a": "\xff"}', Corrupt),
        (HUGE, Unsupported),
    ],
    ids=["empty", "list", "html", "nan", "surrogate", "twice", "deep", "latin", "huge"],
)
@pytest.mark.parametrize("prefix", ["auth", "remote-config", "firestore/indexes", "firestore/rules"])
def test_an_answer_that_is_none_is_damage(
    place: Place, prefix: str, data: bytes, error: type[FirekeepError]
) -> None:
    source = place.source()
    headers = {"ETag": "e", **({"Content-Encoding": "gzip"} if data is HUGE else {})}
    with answering(place, "", (200, data, headers)), pytest.raises(error) as caught:
        read(source, prefix)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("of", "prefix", "body"),
    [
        ("indexes", "firestore/indexes", {"indexes": {}}),
        ("indexes", "firestore/indexes", {"indexes": [1]}),
        ("indexes", "firestore/indexes", {"indexes": [{"name": "x"}]}),
        ("indexes", "firestore/indexes", {"indexes": [{"name": INDEX, "fields": 1}]}),
        ("fields", "firestore/fields", {"fields": [{"name": "../x", "ttlConfig": {}}]}),
        ("releases", "firestore/rules", {"rulesetName": "https://elsewhere/projects/p/rulesets/r"}),
        ("releases", "firestore/rules", {"rulesetName": 7}),
        (
            "Configs",
            "auth",
            {"oauthIdpConfigs": [{}], "inboundSamlConfigs": [{}], "defaultSupportedIdpConfigs": [{}]},
        ),
    ],
)
def test_names_that_none_can_have_are_damage(
    place: Place, of: str, prefix: str, body: dict[str, object]
) -> None:
    source = place.source()
    with answering(place, of, (200, json.dumps(body).encode(), {})), pytest.raises(Corrupt):
        read(source, prefix)


def test_a_template_without_an_etag_is_not_guessed_at(place: Place) -> None:
    source = place.source()
    with answering(place, "remoteConfig", (200, b"{}", {})), pytest.raises(Corrupt, match="ETag"):
        read(source, "remote-config")


def test_configurations_of_any_shape_do_no_harm(place: Place) -> None:
    source = place.source()
    for body in (
        {"multiTenant": 1, "signIn": []},
        {"authorizedDomains": 7, "notification": "x", "client": None},
    ):
        with answering(place, "/config", (200, json.dumps(body).encode(), {})):
            (value,) = read(source, "auth/config").values()
        assert FORMS[SETTINGS].equal(value, value) and FORMS[SETTINGS].bare(value)


def test_a_refusal_is_told_without_what_it_repeats(place: Place) -> None:
    source = place.source()
    with answering(
        place, "remoteConfig", refusal(400, "INVALID_ARGUMENT", "the value s3cret is wrong"), verb="PUT"
    ):
        outcome = one(source, TEMPLATE_KEY, template(a="s3cret"))
    assert (
        outcome.result is Result.FAILED
        and "s3cret" not in outcome.reason
        and "INVALID_ARGUMENT" in outcome.reason
    )
    with answering(
        place, "remoteConfig", refusal(400, "INVALID_ARGUMENT", "SECRET words are wrong"), verb="PUT"
    ):
        assert one(source, TEMPLATE_KEY, template(a="1")).reason.endswith("(HTTP 400 INVALID_ARGUMENT)")
    with answering(place, "", (418, b'{"error": "s3cret"}', {})), pytest.raises(Unsupported) as caught:
        read(source, "remote-config")
    assert "s3cret" not in str(caught.value)


# Events and documents


class Event:
    def __init__(self, kind: str) -> None:
        self.type = kind


def test_events_of_templates_name_the_template_and_others_are_refused(place: Place, host: str) -> None:
    project = new_project()
    source = place.source(project, documents=firestore(host, project), collections=["config"])
    kind = "google.firebase.remoteconfig.remoteConfig.v1.updated"
    assert source.decode(Event(kind)) == source.decode({"type": kind}) == TEMPLATE_KEY
    with pytest.raises(BadInput):
        place.source().decode({"type": "other"})


def test_documents_outside_of_the_collections_are_left_alone(place: Place, host: str) -> None:
    project = new_project()
    documents = firestore(host, project)
    source = place.source(project, documents=documents, collections=["config"])
    key = FORMS[SETTINGS].key
    for name in (
        "firestore/documents/other/a",
        "firestore/documents/config-2/a",
        "firestore/documents/config",
    ):
        assert one(source, key(name), encode_document(b"")).result is Result.FAILED
    assert documents.count(Scope(), documents.now()) == 0


def test_a_document_is_no_resource_and_a_resource_no_document(place: Place, host: str) -> None:
    project = new_project()
    source = place.source(project, documents=firestore(host, project), collections=["config"])
    key = FORMS[SETTINGS].key("firestore/documents/config/a")
    assert one(source, key, template(a="1")).result is Result.FAILED
    assert one(source, TEMPLATE_KEY, encode_document(b"")).result is Result.FAILED
    assert one(source, key, encode_document(b"")).result is Result.DONE
    (live,) = source.lookup([key])
    assert live and one(source, key, template(a="1"), "somebody's").result is Result.MOVED
    assert one(source, key, template(a="1"), guard(live)).result is Result.FAILED


def test_a_write_that_is_named_twice_is_refused(place: Place) -> None:
    source = place.source()
    with pytest.raises(BadInput):
        source.apply([Write(TEMPLATE_KEY, Kind.PUT, template(a="1"), None)] * 2)


@pytest.mark.parametrize(
    "prefixes", [("firestore",), ("firestore/documents/config",), ("firestore/documents/config/a",)]
)
def test_prefixes_reach_into_documents(place: Place, host: str, prefixes: tuple[str, ...]) -> None:
    project = new_project()
    source = place.source(project, documents=firestore(host, project), collections=["config", "flags"])
    key = FORMS[SETTINGS].key
    names = [
        "firestore/documents/config/a",
        "firestore/documents/config/a/b/c",
        "firestore/documents/flags/a",
    ]
    for name in names:
        assert one(source, key(name), encode_document(b"")).result is Result.DONE
    wanted = names if prefixes == ("firestore",) else names[:2]
    assert list(map(FORMS[SETTINGS].name, read(source, *prefixes))) == wanted


def test_a_part_is_read_by_listing_in_either_way_and_in_no_other(place: Place) -> None:
    source = place.source()
    (part,) = source.plan(Scope(("auth",)), source.instant()).parts
    both: Callable[[Method], list[object]] = lambda method: list(source.read(replace(part, method=method)))  # noqa: E731
    assert both(Method.LIST) == both(Method.SORT)
    with pytest.raises(BadInput):
        both(Method.PAGES)


def test_the_source_needs_no_documents(place: Place) -> None:
    source: SettingsSource = place.source()
    assert source.now() and source.instant()
