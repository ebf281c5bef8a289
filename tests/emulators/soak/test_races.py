"""Many clients at once, over the wire: what can be won once is won once, and nothing is counted twice or lost."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
import requests
from firebase_admin import auth
from google.api_core.exceptions import AlreadyExists, DeadlineExceeded, PreconditionFailed
from google.cloud import firestore
from google.cloud.storage.exceptions import InvalidResponse
from soak_helpers import PROJECT, Clients, at_once, of_kind

MANY = 24
HASHING = 8  # a password's hash takes its time


def is_412(outcome: object) -> bool:
    """As uploads in one go raise it, and as those in pieces do."""
    pieces = isinstance(outcome, InvalidResponse) and outcome.response.status_code == 412
    return pieces or isinstance(outcome, PreconditionFailed)


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("size", [10, 300_000], ids=["at-once", "in-pieces"])
def test_one_of_many_creates_an_object_and_the_rest_are_told_so(
    services: Clients, turn: int, size: int
) -> None:
    name = f"race/{turn}/{size}"

    def create(index: int) -> int:
        content = bytes([index]) * size
        blob = services.bucket().blob(name, chunk_size=262_144)
        if size > 262_144:
            with blob.open("wb", if_generation_match=0, ignore_flush=True) as file:
                file.write(content)
        else:
            blob.upload_from_string(content, if_generation_match=0, retry=None)
        return index

    outcomes = at_once(MANY, create)
    winners = of_kind(outcomes, int)
    assert len(winners) == 1, outcomes
    assert sum(map(is_412, outcomes)) == MANY - 1, outcomes
    assert services.bucket().blob(name).download_as_bytes() == bytes(winners) * size


def test_of_those_who_replace_the_same_generation_one_wins(services: Clients) -> None:
    blob = services.bucket().blob("race/swap")
    blob.upload_from_string(b"first", if_generation_match=0)
    seen = blob.generation

    def replace(index: int) -> int:
        again = services.bucket().blob("race/swap")
        again.upload_from_string(bytes([index]), if_generation_match=seen, retry=None)
        return index

    outcomes = at_once(MANY, replace)
    winners = of_kind(outcomes, int)
    assert (len(winners), len(of_kind(outcomes, PreconditionFailed))) == (1, MANY - 1), outcomes
    assert services.bucket().blob("race/swap").download_as_bytes() == bytes(winners)


def test_every_transaction_that_commits_is_counted(services: Clients) -> None:
    document = services.firestore.document("races/counter")
    document.set({"n": 0})
    each = 5

    @firestore.transactional
    def increment(transaction: firestore.Transaction) -> None:
        value = document.get(transaction=transaction).get("n")
        transaction.update(document, {"n": value + 1})

    def run(_: int) -> int:
        for _turn in range(each):
            increment(services.firestore.transaction(max_attempts=200))
        return each

    outcomes = at_once(8, run)
    assert of_kind(outcomes, Exception) == []
    assert document.get().get("n") == 8 * each


@pytest.mark.parametrize("turn", range(5))
def test_one_of_many_creates_a_document(services: Clients, turn: int) -> None:
    document = services.firestore.document(f"races/created-{turn}")

    def create(index: int) -> int:
        document.create({"winner": index})
        return index

    outcomes = at_once(MANY, create)
    winners = of_kind(outcomes, int)
    assert (len(winners), len(of_kind(outcomes, AlreadyExists))) == (1, MANY - 1), outcomes
    assert document.get().get("winner") == winners[0]


@pytest.mark.parametrize("by", ["admin", "sign-up"])
def test_one_account_has_an_e_mail(services: Clients, by: str) -> None:
    host = services.stack.env["FIREBASE_AUTH_EMULATOR_HOST"]
    email = f"race-{by}@example.com"

    def admin(_: int) -> str:
        return str(auth.create_user(email=email, password="secret1", app=services.app).uid)

    def sign_up(_: int) -> str:
        url = f"http://{host}/identitytoolkit.googleapis.com/v1/accounts:signUp?key=any"
        answer = requests.post(url, json={"email": email, "password": "secret1"}, timeout=30)
        if answer.status_code != 200:
            raise ValueError(answer.json()["error"]["message"])
        return str(answer.json()["localId"])

    outcomes = at_once(HASHING, admin if by == "admin" else sign_up)
    winners = of_kind(outcomes, str)
    assert len(winners) == 1, outcomes
    refused = of_kind(outcomes, auth.EmailAlreadyExistsError if by == "admin" else ValueError)
    assert len(refused) == HASHING - 1, outcomes
    assert by == "admin" or {str(error) for error in refused} == {"EMAIL_EXISTS"}
    assert auth.get_user_by_email(email, services.app).uid == winners[0]


def test_each_message_is_pulled_once_while_it_is_leased(services: Clients) -> None:
    topic, subscription = (f"projects/{PROJECT}/{kind}/race" for kind in ("topics", "subscriptions"))
    services.publisher.create_topic(name=topic)
    services.subscriber.create_subscription(name=subscription, topic=topic, ack_deadline_seconds=60)
    number = 600
    for sent in [services.publisher.publish(topic, str(n).encode()) for n in range(number)]:
        sent.result(timeout=30)
    pulled: Counter[str] = Counter()
    guard = threading.Lock()

    def pull(_: int) -> int:
        mine = 0
        while True:
            with guard:
                if sum(pulled.values()) >= number:
                    return mine
            try:
                answer = services.subscriber.pull(
                    subscription=subscription, max_messages=7, timeout=1.0, retry=None
                )
            except DeadlineExceeded:
                return mine
            with guard:
                pulled.update(received.message.data.decode() for received in answer.received_messages)
            mine += len(answer.received_messages)

    outcomes = at_once(8, pull)
    assert of_kind(outcomes, Exception) == []
    assert {*pulled} == {str(n) for n in range(number)}
    assert {*pulled.values()} == {1}
    assert _nothing_comes(services, subscription)


def _nothing_comes(services: Clients, subscription: str) -> bool:
    try:
        answer = services.subscriber.pull(subscription=subscription, max_messages=10, timeout=1.0, retry=None)
    except DeadlineExceeded:
        return True
    return not answer.received_messages
