"""Projects and their tenants: each a realm with accounts, out-of-band codes, settings and a hash scheme of its own.

A project exists as soon as it is named; a tenant must be created. The key a realm hashes passwords with follows
from its name, so what one run exported, the next can import and sign in with.
"""

from __future__ import annotations

import copy
import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

from emulators.auth.accounts import Accounts
from emulators.auth.codes import Codes
from emulators.auth.hashing import FirebaseScrypt
from emulators.auth.keeping import Keeping
from emulators.auth.records import Parameters
from emulators.auth.refusal import Refused
from emulators.auth.schemes import hash_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulators.auth.hashing import Scheme
    from emulators.journal import Journal

_SIGN_IN = {
    "email": {"enabled": True, "passwordRequired": False},
    "phoneNumber": {"enabled": True},
    "anonymous": {"enabled": True},
    "allowDuplicateEmails": False,
}


class Realm:
    """What projects and tenants have in common."""

    def __init__(self, project: str, tenant: str | None, journal: Journal | None) -> None:
        self.project = project
        self.tenant = tenant
        self._journal = journal
        self._keeping = Keeping(journal, project, tenant) if journal is not None else None
        self.accounts = Accounts(self._keeping)
        self.codes = Codes(self._keeping)
        self.providers: dict[str, dict[str, Any]] = {}
        self.scheme = _default_scheme(f"{project}/{tenant or ''}")
        self.settings: dict[str, Any] = {}

    def change(self, **fields: Any) -> None:
        """Puts `settings`, `providers` or `scheme` in the place of what is there."""
        old = {name: getattr(self, name) for name in fields}
        self.set(**fields)
        self.keep(partial(self.set, **old))

    def set(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self, name, value)

    def keep(self, undo: Callable[[], object], *, gone: bool = False) -> None:
        """What it is now, but for its accounts and codes: or that it is gone."""
        if self._keeping is not None:
            kept = None if gone else Parameters(self.settings, self.providers, self.scheme)
            self._keeping.realm(kept, undo)

    @property
    def password_allowed(self) -> bool:
        return bool(self.settings.get("allowPasswordSignup"))

    @property
    def email_link_allowed(self) -> bool:
        return bool(self.settings.get("enableEmailLinkSignin"))

    @property
    def anonymous_allowed(self) -> bool:
        return bool(self.settings.get("enableAnonymousUser"))

    @property
    def disabled(self) -> bool:
        return bool(self.settings.get("disableAuth"))

    @property
    def mfa_enabled(self) -> bool:
        return _mfa_enabled(self.settings.get("mfaConfig"))

    @property
    def one_account_per_email(self) -> bool:
        return True

    @property
    def email_private(self) -> bool:
        """Whether answers hide which e-mails have accounts."""
        return False

    def shown_settings(self, native: Scheme | None) -> dict[str, Any]:
        """The settings as an answer; the hash parameters only for those who may see hashes."""
        shown = copy.deepcopy(self.settings)
        return {**shown, "hashConfig": hash_config(self.scheme)} if native else shown


class Project(Realm):
    def __init__(self, project: str, journal: Journal | None = None) -> None:
        super().__init__(project, None, journal)
        self.tenants: dict[str, Tenant] = {}
        self.settings = {
            "name": f"projects/{project}/config",
            "signIn": copy.deepcopy(_SIGN_IN),
            "authorizedDomains": ["localhost"],
            "multiTenant": {"allowTenants": True},
            "mfa": {"state": "DISABLED"},
            "emailPrivacyConfig": {"enableImprovedEmailPrivacy": False},
        }

    def add_tenant(self, name: str, settings: dict[str, Any]) -> Tenant:
        tenant = self.tenants[name] = Tenant(self, name, settings, self._journal)
        tenant.keep(partial(self.tenants.pop, name))
        return tenant

    def drop_tenant(self, name: str) -> None:
        """With all that is in it."""
        tenant = self.tenants[name]
        tenant.accounts.clear()
        tenant.codes.clear()
        del self.tenants[name]
        tenant.keep(partial(self.tenants.__setitem__, name, tenant), gone=True)

    @property
    def password_allowed(self) -> bool:
        return bool(self._sign_in("email").get("enabled"))

    @property
    def email_link_allowed(self) -> bool:
        return self.password_allowed and not self._sign_in("email").get("passwordRequired")

    @property
    def anonymous_allowed(self) -> bool:
        return bool(self._sign_in("anonymous").get("enabled"))

    @property
    def mfa_enabled(self) -> bool:
        return _mfa_enabled(self.settings.get("mfa"))

    @property
    def one_account_per_email(self) -> bool:
        return not self.settings.get("signIn", {}).get("allowDuplicateEmails")

    @property
    def email_private(self) -> bool:
        return bool(self.settings.get("emailPrivacyConfig", {}).get("enableImprovedEmailPrivacy"))

    def shown_settings(self, native: Scheme | None) -> dict[str, Any]:
        shown = copy.deepcopy(self.settings)
        if native:
            shown["signIn"] = {**shown.get("signIn", {}), "hashConfig": hash_config(self.scheme)}
        return shown

    def _sign_in(self, name: str) -> dict[str, Any]:
        method = self.settings.get("signIn", {}).get(name, {})
        return method if isinstance(method, dict) else {}


class Tenant(Realm):
    def __init__(
        self, project: Project, tenant: str, settings: dict[str, Any], journal: Journal | None = None
    ) -> None:
        super().__init__(project.project, tenant, journal)
        self._parent = project
        self.settings = {**settings, "name": f"projects/{project.project}/tenants/{tenant}"}

    @property
    def one_account_per_email(self) -> bool:
        return self._parent.one_account_per_email

    @property
    def email_private(self) -> bool:
        return self._parent.email_private


class Realms:
    """Every project that was named so far. With a `journal`, what changes in them is noted there."""

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal
        self._projects: dict[str, Project] = {}

    def project(self, name: str) -> Project:
        if name not in self._projects:
            self._projects[name] = Project(name, self._journal)
        return self._projects[name]

    def find(self, project: str, tenant: str | None) -> Realm:
        """Raises Refused for a tenant that does not exist."""
        parent = self.project(project)
        if tenant is None:
            return parent
        if tenant not in parent.tenants:
            raise Refused("TENANT_NOT_FOUND", 404)
        return parent.tenants[tenant]


def _default_scheme(name: str) -> FirebaseScrypt:
    """The parameters every real project has, with a key that belongs to the name."""
    key = hashlib.sha512(f"auth emulator signer key {name}".encode()).digest()
    return FirebaseScrypt(key, b"\x07", rounds=8, memory_cost=14)


def _mfa_enabled(config: object) -> bool:
    return isinstance(config, dict) and config.get("state") in {"ENABLED", "MANDATORY"}
