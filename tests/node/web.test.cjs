// The web client, as it runs in Node, against Auth, Firestore, Storage and a callable function.
const assert = require("node:assert/strict");
const { after, before, test } = require("node:test");
const { deleteApp, initializeApp } = require("firebase/app");
const web = {
  ...require("firebase/auth"),
  ...require("firebase/functions"),
};
const fs = require("firebase/firestore");
const st = require("firebase/storage");
const admin = require("firebase-admin/app");
const { getAuth: adminAuth } = require("firebase-admin/auth");

const project = process.env.GCLOUD_PROJECT;
const app = initializeApp({ projectId: project, apiKey: "any", storageBucket: `${project}.firebasestorage.app` });
const auth = web.getAuth(app);
const db = fs.getFirestore(app);
const storage = st.getStorage(app);
const functions = web.getFunctions(app);
const split = (address) => [address.split(":")[0], Number(address.split(":")[1])];

before(() => {
  web.connectAuthEmulator(auth, `http://${process.env.FIREBASE_AUTH_EMULATOR_HOST}`, { disableWarnings: true });
  fs.connectFirestoreEmulator(db, ...split(process.env.FIRESTORE_EMULATOR_HOST));
  st.connectStorageEmulator(storage, ...split(process.env.FIREBASE_STORAGE_EMULATOR_HOST));
});

after(async () => {
  await fs.terminate(db);
  await deleteApp(app);
});

test("sign up, out and in again; a wrong password is refused", async () => {
  const { user } = await web.createUserWithEmailAndPassword(auth, "grace@example.com", "secret1");
  await web.updateProfile(user, { displayName: "Grace ü" });
  await web.signOut(auth);
  await assert.rejects(web.signInWithEmailAndPassword(auth, "grace@example.com", "wrong"), /auth\/(wrong-password|invalid-credential)/);
  const again = await web.signInWithEmailAndPassword(auth, "grace@example.com", "secret1");
  assert.deepEqual([again.user.uid, again.user.displayName], [user.uid, "Grace ü"]);
});

test("a custom token signs in, and claims arrive with the next ID token", async () => {
  const server = adminAuth(admin.initializeApp({ projectId: project }));
  const { user } = await web.signInWithCustomToken(auth, await server.createCustomToken("by-token", { beta: true }));
  assert.equal(user.uid, "by-token");
  assert.equal((await user.getIdTokenResult()).claims.beta, true);
  await server.setCustomUserClaims("by-token", { role: "admin" });
  const token = await user.getIdToken(true);
  assert.equal((await server.verifyIdToken(token)).role, "admin");
});

test("documents are written, read, queried and counted", async () => {
  const notes = fs.collection(db, "notes");
  for (let number = 0; number < 5; number++) await fs.setDoc(fs.doc(notes, `n${number}`), { number, at: fs.serverTimestamp() });
  await fs.updateDoc(fs.doc(notes, "n0"), { number: fs.increment(10) });
  assert.equal((await fs.getDoc(fs.doc(notes, "n0"))).get("number"), 10);
  const found = await fs.getDocs(fs.query(notes, fs.where("number", ">=", 3), fs.orderBy("number", "desc")));
  assert.deepEqual(found.docs.map((one) => one.id), ["n0", "n4", "n3"]);
  assert.equal((await fs.getCountFromServer(notes)).data().count, 5);
  await fs.deleteDoc(fs.doc(notes, "n1"));
  assert.equal((await fs.getDocFromServer(fs.doc(notes, "n1"))).exists(), false);
});

test("a listener sees its own write at once, and then as the server has it", async () => {
  const document = fs.doc(db, "listened/one");
  const seen = [];
  const done = new Promise((resolve, reject) => {
    const stop = fs.onSnapshot(document, { includeMetadataChanges: true }, (snapshot) => {
      if (!snapshot.exists()) return void fs.setDoc(document, { n: 1 });
      seen.push(snapshot.metadata.hasPendingWrites);
      if (!snapshot.metadata.hasPendingWrites) {
        stop();
        resolve();
      }
    }, reject);
  });
  await done;
  assert.deepEqual([seen[0], seen.at(-1)], [true, false]);
});

test("transactions retry until each has its turn", async () => {
  const counter = fs.doc(db, "web-counters/one");
  await fs.setDoc(counter, { n: 0 });
  const add = () =>
    fs.runTransaction(db, async (transaction) => {
      const found = await transaction.get(counter);
      transaction.update(counter, { n: found.get("n") + 1 });
    }, { maxAttempts: 50 });
  await Promise.all([add(), add(), add()]);
  assert.equal((await fs.getDocFromServer(counter)).get("n"), 3);
});

test("a file is uploaded, downloaded by its URL, described, listed and deleted", async () => {
  const file = st.ref(storage, "web/ü folder/hello ✓.txt");
  const content = new TextEncoder().encode("hello, wörld");
  await st.uploadBytes(file, content, { contentType: "text/plain", customMetadata: { from: "web" } });
  const url = await st.getDownloadURL(file);
  assert.equal(await (await fetch(url)).text(), "hello, wörld");
  assert.deepEqual(new Uint8Array(await st.getBytes(file)), content);
  const metadata = await st.updateMetadata(file, { cacheControl: "max-age=5", customMetadata: { from: "node" } });
  assert.deepEqual([metadata.size, metadata.contentType, metadata.cacheControl, metadata.customMetadata.from], [13, "text/plain", "max-age=5", "node"]);
  const listed = await st.listAll(st.ref(storage, "web"));
  assert.deepEqual(listed.prefixes.map((one) => one.name), ["ü folder"]);
  await st.deleteObject(file);
  await assert.rejects(st.getMetadata(file), { code: "storage/object-not-found" });
});

test("a large file is uploaded in pieces, with its progress told", async () => {
  const content = new Uint8Array(1_500_000).map((_, index) => index % 251);
  const task = st.uploadBytesResumable(st.ref(storage, "web/large.bin"), content);
  let most = 0;
  task.on("state_changed", (state) => (most = Math.max(most, state.bytesTransferred)));
  const { metadata } = await task;
  assert.deepEqual([metadata.size, most], [content.length, content.length]);
});

test("a callable function knows who calls it, and its errors arrive as they are meant", async () => {
  const greet = web.httpsCallableFromURL(functions, `http://${process.env.FUNCTIONS_EMULATOR_HOST}/greet`);
  await web.signOut(auth);
  await assert.rejects(greet({}), { code: "functions/unauthenticated", message: /^sign in first/, details: { a: 1 } });
  const { user } = await web.signInAnonymously(auth);
  const { data } = await greet({ text: "hé", list: [1, null] });
  assert.deepEqual(data, { uid: user.uid, role: null, echo: { text: "hé", list: [1, null] } });
});
