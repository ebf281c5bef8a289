// What clients may do with each collection, asked of an emulator that evaluates rules: deny by default.
const { readFileSync } = require("node:fs");
const { after, before, test } = require("node:test");
const { assertFails, assertSucceeds, initializeTestEnvironment } = require("@firebase/rules-unit-testing");
const { collection, deleteDoc, doc, getDoc, getDocs, serverTimestamp, setDoc, updateDoc, Timestamp } = require("firebase/firestore");
const { getBytes, listAll, ref, uploadString } = require("firebase/storage");

const ROLES = ["viewer", "operator", "admin"];
const READ = ["backups", "recoveries", "backupSets", "backupTemplates"];
const CLOSED = [
  "backupConfig",
  "backupConfigStatus",
  "backupJobs",
  "backupSchedules",
  "backupScheduleState",
  "backupStatistics",
  "backupHealth",
  "anything",
];
let env;
const as = (role) =>
  role === null
    ? env.unauthenticatedContext().firestore()
    : env.authenticatedContext(`u-${role}`, role === "none" ? {} : { firekeep: role }).firestore();
const request = (uid, more = {}) => ({ requestedBy: uid, requestedAt: serverTimestamp(), ...more });

before(async () => {
  env = await initializeTestEnvironment({
    projectId: process.env.GCLOUD_PROJECT,
    firestore: { rules: readFileSync(process.env.FIRESTORE_RULES, "utf8") },
    storage: { rules: readFileSync(process.env.STORAGE_RULES, "utf8") },
  });
  await env.withSecurityRulesDisabled(async (context) => {
    for (const name of [...READ, ...CLOSED]) await setDoc(doc(context.firestore(), `${name}/one`), { a: 1 });
    await setDoc(doc(context.firestore(), "backupJobs/one/parts/000000"), { a: 1 });
    await setDoc(doc(context.firestore(), "backupRequests/of-operator"), { requestedBy: "u-operator", status: "done" });
  });
});

after(() => env.cleanup());

for (const role of [null, "none", "owner", ...ROLES]) {
  const may = ROLES.includes(role) ? assertSucceeds : assertFails;
  test(`${role}: reads what viewers read, and never writes it`, async () => {
    for (const name of READ) {
      await may(getDoc(doc(as(role), `${name}/one`)));
      await may(getDocs(collection(as(role), name)));
      await assertFails(setDoc(doc(as(role), `${name}/new`), { a: 1 }));
      await assertFails(updateDoc(doc(as(role), `${name}/one`), { a: 2 }));
      await assertFails(deleteDoc(doc(as(role), `${name}/one`)));
    }
  });

  test(`${role}: everything else is closed`, async () => {
    for (const name of CLOSED) {
      await assertFails(getDoc(doc(as(role), `${name}/one`)));
      await assertFails(setDoc(doc(as(role), `${name}/one`), { a: 2 }));
    }
    await assertFails(getDoc(doc(as(role), "backupJobs/one/parts/000000")));
    await assertFails(getDocs(collection(as(role), "backupRequests")));
  });

  test(`${role}: no stored object is read, listed or written`, async () => {
    const storage = role === null ? env.unauthenticatedContext().storage() : env.authenticatedContext("u", { firekeep: role }).storage();
    await assertFails(getBytes(ref(storage, "packs/one")));
    await assertFails(listAll(ref(storage, "packs")));
    await assertFails(uploadString(ref(storage, "packs/new"), "x").then());
  });
}

test("operators and admins create requests, viewers and others do not", async () => {
  for (const role of ["operator", "admin"]) await assertSucceeds(setDoc(doc(as(role), `backupRequests/by-${role}`), request(`u-${role}`)));
  for (const role of [null, "none", "viewer", "owner"]) await assertFails(setDoc(doc(as(role), `backupRequests/by-${role}`), request(`u-${role}`)));
});

const GOOD = {
  everything: {},
  selection: { selection: { entries: { include: ["orders"] }, users: {} } },
  set: { set: "shop" },
  template: { template: "weekly" },
  options: { options: { validation: "data", note: "before a release" } },
};
for (const [what, more] of Object.entries(GOOD))
  test(`a request for ${what} is taken`, () => assertSucceeds(setDoc(doc(as("operator"), `backupRequests/good-${what}`), request("u-operator", more))));

const BAD = {
  "in another's name": { requestedBy: "u-admin" },
  "at another time": { requestedAt: Timestamp.fromMillis(0) },
  "with an answer": { status: "done" },
  "with more fields": { more: 1 },
  "with a selection that is no map": { selection: "all" },
  "with an unknown content": { selection: { logs: {} } },
  "with an unknown option": { options: { force: true } },
  "with a path for a set": { set: "../x" },
  "with a number for a template": { template: 7 },
};
for (const [what, more] of Object.entries(BAD))
  test(`a request ${what} is refused`, () => assertFails(setDoc(doc(as("operator"), "backupRequests/bad"), request("u-operator", more))));

test("an id that no backup may have is refused", async () => {
  for (const id of ["-a", "a b", "é", "x".repeat(129)]) await assertFails(setDoc(doc(as("operator"), `backupRequests/${id}`), request("u-operator")));
});

test("a request is never changed or deleted, and read by whoever asked only", async () => {
  const own = "backupRequests/of-operator";
  await assertSucceeds(getDoc(doc(as("operator"), own)));
  await assertFails(getDoc(doc(as("admin"), own)));
  await assertFails(getDoc(doc(as("viewer"), own)));
  await assertFails(setDoc(doc(as("operator"), own), request("u-operator")));
  await assertFails(updateDoc(doc(as("operator"), own), { status: "accepted" }));
  await assertFails(deleteDoc(doc(as("operator"), own)));
});
