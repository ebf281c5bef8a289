"""The service's messages as shapes, by the names its reference uses."""

from __future__ import annotations

from emulators.auth.shapes import ANY, BOOL, BYTES, INT32, INT64, NUMBER, STRING, Shape, fields

_PROVIDER_INFO: Shape = fields(
    "providerId displayName photoUrl federatedId email rawId screenName phoneNumber"
)
_MFA: Shape = {
    **fields("phoneInfo mfaEnrollmentId displayName enrolledAt unobfuscatedPhoneInfo"),
    "totpInfo": ANY,
    "emailInfo": ANY,
}
_ARGON2: Shape = {
    **fields("hashLengthBytes parallelism iterations memoryCostKib", INT32),
    **fields("hashType version"),
    "associatedData": BYTES,
}

USER_INFO: Shape = {
    **fields("localId email displayName language photoUrl timeZone dateOfBirth screenName rawPassword"),
    **fields("phoneNumber customAttributes tenantId initialEmail lastRefreshAt"),
    **fields("emailVerified disabled customAuth emailLinkSignin", BOOL),
    **fields("validSince lastLoginAt createdAt", INT64),
    **fields("passwordHash salt", BYTES),
    "version": INT32,
    "passwordUpdatedAt": NUMBER,
    "providerUserInfo": [_PROVIDER_INFO],
    "mfaInfo": [_MFA],
}

SIGN_UP: Shape = {
    **fields("email password displayName photoUrl idToken localId tenantId targetProjectId phoneNumber"),
    **fields("captchaChallenge captchaResponse instanceId clientType recaptchaVersion"),
    **fields("emailVerified disabled returnSecureToken", BOOL),
    "mfaInfo": [_MFA],
}
SIGN_IN_PASSWORD: Shape = {
    **fields("email password pendingIdToken captchaChallenge captchaResponse instanceId idToken tenantId"),
    **fields("clientType recaptchaVersion"),
    "delegatedProjectNumber": INT64,
    "returnSecureToken": BOOL,
}
SIGN_IN_CUSTOM: Shape = {
    **fields("token instanceId tenantId"),
    "delegatedProjectNumber": INT64,
    "returnSecureToken": BOOL,
}
SIGN_IN_LINK: Shape = {**fields("oobCode email idToken tenantId"), "returnSecureToken": BOOL}
LOOKUP: Shape = {
    **fields("idToken targetProjectId tenantId"),
    **fields("localId email phoneNumber initialEmail", [STRING]),
    "delegatedProjectNumber": INT64,
    "federatedUserId": [fields("providerId rawId")],
}
UPDATE: Shape = {
    **fields("idToken localId displayName email password oobCode photoUrl instanceId phoneNumber"),
    **fields("customAttributes tenantId targetProjectId captchaChallenge captchaResponse"),
    **fields("emailVerified disableUser upgradeToFederatedLogin returnSecureToken", BOOL),
    **fields("provider deleteAttribute deleteProvider", [STRING]),
    **fields("validSince lastLoginAt createdAt delegatedProjectNumber", INT64),
    "linkProviderUserInfo": _PROVIDER_INFO,
    "mfa": {"enrollments": [_MFA]},
}
DELETE: Shape = {**fields("localId idToken targetProjectId tenantId"), "delegatedProjectNumber": INT64}
BATCH_CREATE: Shape = {
    **fields("hashAlgorithm passwordHashOrder tenantId targetProjectId"),
    **fields("signerKey saltSeparator", BYTES),
    **fields("rounds memoryCost cpuMemCost parallelization blockSize dkLen", INT32),
    **fields("sanityCheck allowOverwrite", BOOL),
    "delegatedProjectNumber": INT64,
    "users": [USER_INFO],
    "argon2Parameters": _ARGON2,
}
BATCH_DELETE: Shape = {"localIds": [STRING], "force": BOOL, "tenantId": STRING}
QUERY: Shape = {
    **fields("sortBy order tenantId"),
    **fields("limit offset", INT64),
    "returnUserInfo": BOOL,
    "expression": [fields("email userId phoneNumber")],
}
SEND_CODE: Shape = {
    **fields("requestType email challenge captchaResp userIp newEmail idToken continueUrl iOSBundleId"),
    **fields("iOSAppStoreId androidPackageName androidMinimumVersion tenantId targetProjectId"),
    **fields("dynamicLinkDomain linkDomain clientType recaptchaVersion"),
    **fields("androidInstallApp canHandleCodeInApp returnOobLink", BOOL),
}
RESET_PASSWORD: Shape = fields("oobCode newPassword oldPassword email tenantId")
CREATE_AUTH_URI: Shape = {
    **fields("identifier continueUri providerId oauthScope context sessionId authFlowType tenantId"),
    "customParameter": ANY,
}
SESSION_COOKIE: Shape = {"idToken": STRING, "validDuration": INT64, "tenantId": STRING}
TOKEN: Shape = fields("grantType refreshToken code")
TENANT: Shape = {
    **fields("name displayName"),
    **fields("allowPasswordSignup enableEmailLinkSignin disableAuth enableAnonymousUser", BOOL),
    **fields("hashConfig mfaConfig testPhoneNumbers inheritance recaptchaConfig smsRegionConfig client", ANY),
    **fields("autodeleteAnonymousUsers passwordPolicyConfig monitoring mobileLinksConfig", ANY),
    "emailPrivacyConfig": ANY,
}
CONFIG: Shape = {
    **fields("name subtype defaultHostingSite"),
    **fields("signIn notification quota monitoring multiTenant client mfa blockingFunctions", ANY),
    **fields("recaptchaConfig smsRegionConfig passwordPolicyConfig emailPrivacyConfig", ANY),
    "mobileLinksConfig": ANY,
    "authorizedDomains": [STRING],
    "autodeleteAnonymousUsers": BOOL,
}
_HASH_CONFIG: Shape = {
    "algorithm": STRING,
    "signerKey": BYTES,
    "saltSeparator": BYTES,
    "rounds": INT32,
    "memoryCost": INT32,
}
EMULATOR_CONFIG: Shape = {
    "signIn": {"allowDuplicateEmails": BOOL, "hashConfig": _HASH_CONFIG},
    "emailPrivacyConfig": {"enableImprovedEmailPrivacy": BOOL},
}
PROVIDER: Shape = {
    **fields("name displayName issuer clientId clientSecret"),
    **fields("responseType idpConfig spConfig appleSignInConfig", ANY),
    "enabled": BOOL,
}
NOTHING: Shape = {}
