"""Accounts are found by exactly what they have now, whatever they had before: against a brute-force model."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from emulators.auth.accounts import Accounts

UIDS = st.sampled_from(["a", "b", "A", "a\u0308", "ä"])
EMAILS = st.sampled_from([None, "x@y.z", "xx@y.z", "é@y.z"])
NUMBERS = st.sampled_from([None, "+15550", "+155500"])
PROVIDERS = st.lists(
    st.builds(
        lambda provider, raw: {"providerId": provider, "rawId": raw},
        st.sampled_from(["google.com", "g", "password"]),
        st.sampled_from(["1", "11", "google.com"]),
    ),
    max_size=2,
)
RECORDS = st.builds(
    lambda uid, email, number, infos: {
        "localId": uid,
        "email": email,
        "phoneNumber": number,
        "providerUserInfo": infos,
    },
    UIDS,
    EMAILS,
    NUMBERS,
    PROVIDERS,
)
STEPS = st.lists(st.one_of(RECORDS, UIDS), max_size=30)


def has_provider(record: dict[str, Any], provider: str, raw_id: str) -> bool:
    return provider != "password" and {"providerId": provider, "rawId": raw_id} in record["providerUserInfo"]


@given(STEPS, UIDS, st.integers(1, 6))
def test_every_index_agrees_with_looking_at_all_accounts(
    steps: list[dict[str, Any] | str], after: str, size: int
) -> None:
    accounts, model = Accounts(), {}
    for step in steps:
        if isinstance(step, str):
            accounts.remove(step)
            model.pop(step, None)
        else:
            accounts.put(step, None)
            # Who changes comes after those who had the same before.
            model.pop(step["localId"], None)
            model[step["localId"]] = step
    assert [account.uid for account in accounts] == sorted(model)
    assert [account.uid for account in accounts.page(after, size)] == sorted(
        uid for uid in model if uid > after
    )[:size]
    for email in ("x@y.z", "xx@y.z", "é@y.z", "nobody@y.z"):
        expected = [uid for uid, record in model.items() if record["email"] == email]
        assert found(accounts.by_email(email)) == expected[:1]
    for number in ("+15550", "+155500", "+1"):
        expected = [uid for uid, record in model.items() if record["phoneNumber"] == number]
        assert found(accounts.by_phone(number)) == expected[:1]
    for provider in ("google.com", "g", "password"):
        for raw_id in ("1", "11", "google.com"):
            expected = [uid for uid, record in model.items() if has_provider(record, provider, raw_id)]
            assert found(accounts.by_provider(provider, raw_id)) == expected[:1]


def found(account: Any) -> list[str]:
    return [account.uid] if account else []
