// The generated client over the real web SDK, signed in through the Auth emulator, against the deployed entry point.
const assert = require("node:assert/strict");
const { after, before, test } = require("node:test");
const { deleteApp, initializeApp } = require("firebase/app");
const web = { ...require("firebase/auth"), ...require("firebase/functions") };
const admin = require("firebase-admin/app");
const { getAuth: adminAuth } = require("firebase-admin/auth");
const { getFirestore } = require("firebase-admin/firestore");
const { firekeep } = require(process.env.FIREKEEP_CLIENT);

const project = process.env.GCLOUD_PROJECT;
const app = initializeApp({ projectId: project, apiKey: "any" });
const auth = web.getAuth(app);
const functions = web.getFunctions(app);
const [host, port] = process.env.FUNCTIONS_EMULATOR_HOST.split(":");
const keep = firekeep(functions, "api");
const back = admin.initializeApp({ projectId: project });
const server = adminAuth(back);
const documents = getFirestore(back);

before(() => {
  web.connectAuthEmulator(auth, `http://${process.env.FIREBASE_AUTH_EMULATOR_HOST}`, { disableWarnings: true });
  web.connectFunctionsEmulator(functions, host, Number(port));
});

after(async () => {
  await documents.terminate();
  await deleteApp(app);
});

async function signIn(role) {
  const uid = `u-${role}`;
  await web.signInWithCustomToken(auth, await server.createCustomToken(uid));
  await server.setCustomUserClaims(uid, role === "nobody" ? {} : { firekeep: role });
  await auth.currentUser.getIdToken(true);
  return uid;
}

async function ended(started) {
  for (let tries = 0; tries < 400; tries++) {
    const found = await keep.getStatus({ id: started.id });
    if (["completed", "failed"].includes((found.backup ?? found.recovery).status)) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("it did not end");
}

test("who is not signed in, and who has no role, is told so", async () => {
  await web.signOut(auth);
  await assert.rejects(keep.listBackups(), { code: "functions/unauthenticated" });
  await signIn("nobody");
  await assert.rejects(keep.listBackups(), { code: "functions/permission-denied" });
});

test("a viewer looks and does nothing else", async () => {
  await signIn("viewer");
  assert.deepEqual(await keep.listBackups(), { backups: [] });
  await assert.rejects(keep.requestBackup(), { code: "functions/permission-denied" });
  await assert.rejects(keep.getStatus({ id: "none" }), { code: "functions/not-found" });
});

test("a bad input names its field, and a callable that is not there is not found", async () => {
  await signIn("operator");
  await assert.rejects(keep.listBackups({ limit: 1000 }), { code: "functions/invalid-argument", message: /limit/ });
  await assert.rejects(keep.saveSet({ name: "x" }), { code: "functions/invalid-argument", message: /selection/ });
  await assert.rejects(web.httpsCallable(functions, "api/nothing")(), { code: "functions/not-found" });
});

test("an operator saves a set, estimates it, backs it up and sees it complete; an admin restores it", async () => {
  await signIn("operator");
  await documents.doc("orders/one").set({ total: 7 });
  await keep.saveSet({ name: "shop", selection: { entries: { include: ["orders"] } } });
  assert.deepEqual((await keep.listSets()).sets.map((one) => one.name), ["shop"]);
  const estimate = await keep.estimateBackup({ set: "shop" });
  assert.deepEqual(estimate.contents.map((one) => one.content), ["entries"]);
  const { id } = await keep.requestBackup({ set: "shop", options: { note: "ü" } });
  const { backup } = await ended({ id });
  assert.deepEqual([backup.status, backup.type, backup.content.entries.length > 0], ["completed", "manual", true]);
  assert.equal((await keep.getStatistics()).completed, 1);
  await assert.rejects(keep.requestRestore({ backupId: id }), { code: "functions/permission-denied" });
  await documents.doc("orders/one").set({ total: 8 });
  await signIn("admin");
  const restore = await keep.requestRestore({ backupId: id, documents: ["orders/one"] });
  const { recovery } = await ended(restore);
  assert.deepEqual([recovery.status, recovery.backupId], ["completed", id]);
  assert.deepEqual((await documents.doc("orders/one").get()).data(), { total: 7 });
  assert.equal((await keep.listRecoveries()).recoveries.length, 1);
});

test("a revoked session and a disabled account are out at once", async () => {
  const uid = await signIn("viewer");
  await server.updateUser(uid, { disabled: true });
  await assert.rejects(keep.listBackups(), { code: "functions/unauthenticated" });
});

test("the configuration is for admins", async () => {
  await signIn("operator");
  await assert.rejects(keep.getConfig(), { code: "functions/permission-denied" });
  await signIn("admin");
  await keep.setConfig({ retention: { floor: 4 } });
  assert.equal((await keep.getConfig()).retention.floor, 4);
});
