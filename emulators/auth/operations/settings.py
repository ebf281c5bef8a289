"""The settings of a project: for its clients, for its administrators, and what only an emulator lets one set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.auth.hashing import FirebaseScrypt
from emulators.auth.masks import patched, without
from emulators.auth.schemes import hash_config, scheme_of

if TYPE_CHECKING:
    from emulators.auth.call import Call


async def for_clients(call: Call) -> dict[str, Any]:
    return {"projectId": call.realm.project, "authorizedDomains": call.realm.settings["authorizedDomains"]}


async def get(call: Call) -> dict[str, Any]:
    return call.whole_project.shown_settings(call.native)


async def patch(call: Call) -> dict[str, Any]:
    """The hash parameters are output only: here, as in the service, nobody can set them."""
    project = call.whole_project
    hidden = ("name", "subtype", "signIn.hashConfig")
    # A mask may name what is output only; the old value must then survive.
    kept = {"name": project.settings["name"]}
    changes = without(call.body, *hidden)
    project.change(settings={**patched(project.settings, changes, call.query.get("updateMask", "")), **kept})
    return project.shown_settings(call.native)


async def get_for_emulator(call: Call) -> dict[str, Any]:
    project = call.whole_project
    sign_in = {"allowDuplicateEmails": not project.one_account_per_email}
    return {
        "signIn": {**sign_in, "hashConfig": hash_config(project.scheme)},
        "emailPrivacyConfig": {"enableImprovedEmailPrivacy": project.email_private},
    }


async def patch_for_emulator(call: Call) -> dict[str, Any]:
    """Also sets the hash parameters, `signIn.hashConfig`, to play a real project. Passwords hashed so far keep
    their own and are re-hashed at the next sign-in, like imported ones."""
    project = call.whole_project
    given = call.body.get("signIn", {}).get("hashConfig")
    if given is not None:
        parameters = {name: value for name, value in given.items() if name != "algorithm"}
        scheme = scheme_of({**parameters, "hashAlgorithm": "SCRYPT"})
        if isinstance(scheme, FirebaseScrypt):
            project.change(scheme=scheme)
    project.change(settings=patched(project.settings, without(call.body, "signIn.hashConfig"), ""))
    return await get_for_emulator(call)
