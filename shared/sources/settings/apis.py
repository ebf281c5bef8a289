"""The services whose settings are kept: what people call them, what to enable, and who may read and write."""

from __future__ import annotations

from typing import Final

from shared.sources.settings.service import Api

AUTH: Final = Api(
    "Authentication",
    "",
    "identitytoolkit.googleapis.com",
    "roles/firebaseauth.admin (it shows the hash parameters and the providers' secrets)",
    "roles/firebaseauth.admin",
)
FIRESTORE: Final = Api(
    "Firestore's indexes",
    "",
    "firestore.googleapis.com",
    "roles/datastore.viewer",
    "roles/datastore.indexAdmin",
)
REMOTE_CONFIG: Final = Api(
    "Remote Config",
    "",
    "firebaseremoteconfig.googleapis.com",
    "roles/cloudconfig.viewer",
    "roles/cloudconfig.admin",
)
RULES: Final = Api(
    "Security Rules",
    "",
    "firebaserules.googleapis.com",
    "roles/firebaserules.viewer",
    "roles/firebaserules.admin",
)
