// firebase-admin against Auth.
const assert = require("node:assert/strict");
const { test } = require("node:test");
const { initializeApp } = require("firebase-admin/app");
const { getAuth } = require("firebase-admin/auth");

const auth = getAuth(initializeApp({ projectId: process.env.GCLOUD_PROJECT }));

test("a user is made, found, changed, disabled and deleted", async () => {
  const made = await auth.createUser({ uid: "ada", email: "Ada@Example.com", password: "secret1", displayName: "Ada ü" });
  assert.equal(made.email, "ada@example.com");
  assert.equal((await auth.getUserByEmail("ada@example.com")).uid, "ada");
  const changed = await auth.updateUser("ada", { disabled: true, displayName: null });
  assert.deepEqual([changed.disabled, changed.displayName ?? null], [true, null]);
  await assert.rejects(auth.createUser({ uid: "ada" }), { code: "auth/uid-already-exists" });
  await auth.deleteUser("ada");
  await assert.rejects(auth.getUser("ada"), { code: "auth/user-not-found" });
});

test("claims are kept and come back", async () => {
  await auth.createUser({ uid: "boss" });
  await auth.setCustomUserClaims("boss", { role: "admin", level: 3 });
  assert.deepEqual((await auth.getUser("boss")).customClaims, { role: "admin", level: 3 });
});

test("users are imported with their hashes, listed by pages, and deleted together", async () => {
  const uids = Array.from({ length: 25 }, (_, number) => `many-${number}`);
  const users = uids.map((uid) => ({
    uid,
    email: `${uid}@example.com`,
    passwordHash: Buffer.from("a hash"),
    passwordSalt: Buffer.from("salt"),
  }));
  const hash = { algorithm: "HMAC_SHA256", key: Buffer.from("key") };
  const imported = await auth.importUsers(users, { hash });
  assert.deepEqual([imported.successCount, imported.failureCount], [25, 0]);
  const listed = [];
  let pageToken;
  do {
    const page = await auth.listUsers(10, pageToken);
    assert.ok(page.users.length <= 10);
    listed.push(...page.users.map((user) => user.uid));
    pageToken = page.pageToken;
  } while (pageToken);
  assert.deepEqual(listed.filter((uid) => uid.startsWith("many-")).sort(), [...uids].sort());
  const deleted = await auth.deleteUsers(uids);
  assert.deepEqual([deleted.successCount, deleted.failureCount], [25, 0]);
});
