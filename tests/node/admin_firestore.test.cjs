// firebase-admin against Firestore.
const assert = require("node:assert/strict");
const { after, test } = require("node:test");
const { deleteApp, initializeApp } = require("firebase-admin/app");
const { AggregateField, FieldPath, FieldValue, Filter, GeoPoint, Timestamp, getFirestore } = require("firebase-admin/firestore");

const app = initializeApp({ projectId: process.env.GCLOUD_PROJECT });
const db = getFirestore(app);
after(() => deleteApp(app));

test("every type of value comes back as it was", async () => {
  const document = db.doc("types/ü \u0308 – 日本");
  const values = {
    string: "\u0000 ü 😀",
    integer: Number.MAX_SAFE_INTEGER,
    double: 0.1,
    nothing: null,
    truth: true,
    bytes: Buffer.from([0, 255, 1]),
    time: new Timestamp(1_700_000_000, 123_456_000),
    place: new GeoPoint(-89.5, 179.25),
    reference: db.doc("types/other"),
    list: [1, "two", { three: 3 }],
    map: { "a.b": { c: [] } },
    vector: FieldValue.vector([1.5, -2]),
  };
  await document.set(values);
  const found = (await document.get()).data();
  for (const name of ["string", "integer", "double", "nothing", "truth", "list", "map"]) {
    assert.deepEqual(found[name], values[name], name);
  }
  assert.ok(Buffer.from(values.bytes).equals(found.bytes));
  assert.ok(values.time.isEqual(found.time));
  assert.ok(values.place.isEqual(found.place));
  assert.equal(found.reference.path, "types/other");
  assert.deepEqual(found.vector.toArray(), [1.5, -2]);
});

test("queries filter, order, page, count and find by group", async () => {
  const batch = db.batch();
  for (let number = 0; number < 30; number++) {
    batch.set(db.doc(`shops/s${number % 3}/goods/g${number}`), { n: number, even: number % 2 === 0, tags: [`t${number % 5}`] });
  }
  await batch.commit();
  const goods = db.collectionGroup("goods");
  assert.equal((await goods.count().get()).data().count, 30);
  const some = await goods.where("even", "==", true).where("n", ">", 10).orderBy("n", "desc").limit(3).get();
  assert.deepEqual(some.docs.map((one) => one.get("n")), [28, 26, 24]);
  const next = await goods.orderBy("n").startAfter(27).get();
  assert.deepEqual(next.docs.map((one) => one.get("n")), [28, 29]);
  const either = await goods.where(Filter.or(Filter.where("n", "<", 2), Filter.where("n", ">=", 29))).orderBy("n").get();
  assert.deepEqual(either.docs.map((one) => one.get("n")), [0, 1, 29]);
  const tagged = await db.collection("shops/s0/goods").where("tags", "array-contains", "t0").orderBy(FieldPath.documentId()).get();
  assert.deepEqual(tagged.docs.map((one) => one.id), ["g0", "g15"]);
  const sums = await goods.aggregate({ total: AggregateField.sum("n") }).get();
  assert.equal(sums.data().total, 435);
});

test("a transaction on one document loses no update", async () => {
  const counter = db.doc("counters/one");
  await counter.set({ n: 0 });
  const add = () =>
    db.runTransaction(async (transaction) => {
      const found = await transaction.get(counter);
      transaction.update(counter, { n: found.get("n") + 1 });
    }, { maxAttempts: 30 });
  await Promise.all(Array.from({ length: 8 }, add));
  assert.equal((await counter.get()).get("n"), 8);
});

test("transforms and preconditions", async () => {
  const document = db.doc("transforms/one");
  await document.create({ n: 1, list: ["a"], gone: true });
  await assert.rejects(document.create({}), { code: 6 });
  await document.update({
    n: FieldValue.increment(4),
    list: FieldValue.arrayUnion("a", "b"),
    gone: FieldValue.delete(),
    at: FieldValue.serverTimestamp(),
  });
  const found = await document.get();
  assert.deepEqual([found.get("n"), found.get("list"), found.get("gone")], [5, ["a", "b"], undefined]);
  assert.ok(found.get("at") instanceof Timestamp);
  await assert.rejects(db.doc("transforms/none").update({ n: 1 }), { code: 5 });
  await assert.rejects(document.delete({ lastUpdateTime: new Timestamp(1, 0) }), { code: 9 });
});

test("a listener is told of every change", async () => {
  const seen = [];
  const query = db.collection("watched").where("on", "==", true);
  let stop;
  const done = new Promise((resolve, reject) => {
    stop = query.onSnapshot((snapshot) => {
      seen.push(...snapshot.docChanges().map((change) => `${change.type} ${change.doc.id}`));
      if (seen.includes("removed a")) resolve();
    }, reject);
  });
  await db.doc("watched/a").set({ on: true });
  await db.doc("watched/b").set({ on: false });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await db.doc("watched/a").update({ more: 1 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await db.doc("watched/a").update({ on: false });
  await done;
  stop();
  assert.deepEqual(seen, ["added a", "modified a", "removed a"]);
});

test("many writes by a bulk writer, and all of it deleted recursively", async () => {
  const writer = db.bulkWriter();
  for (let number = 0; number < 300; number++) writer.set(db.doc(`bulk/b${number}/deep/d`), { number });
  await writer.close();
  assert.equal((await db.collectionGroup("deep").count().get()).data().count, 300);
  assert.equal((await db.collection("bulk").listDocuments()).length, 300);
  await db.recursiveDelete(db.collection("bulk"));
  assert.equal((await db.collectionGroup("deep").count().get()).data().count, 0);
});
