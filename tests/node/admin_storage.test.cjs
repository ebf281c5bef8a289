// firebase-admin against Cloud Storage.
const assert = require("node:assert/strict");
const { randomBytes } = require("node:crypto");
const { test } = require("node:test");
const { initializeApp } = require("firebase-admin/app");
const { getDownloadURL, getStorage } = require("firebase-admin/storage");

const project = process.env.GCLOUD_PROJECT;
const bucket = getStorage(initializeApp({ projectId: project, storageBucket: `${project}.firebasestorage.app` })).bucket();

test("a file goes up, down, in part, and its metadata with it", async () => {
  const file = bucket.file("some folder/ü %2F ✓.bin");
  const content = randomBytes(300_000);
  await file.save(content, { resumable: false, contentType: "image/x-test", metadata: { metadata: { owner: "ada" } } });
  assert.ok(content.equals((await file.download())[0]));
  assert.ok(content.subarray(1000, 2001).equals((await file.download({ start: 1000, end: 2000 }))[0]));
  const [metadata] = await file.getMetadata();
  assert.deepEqual([metadata.contentType, Number(metadata.size), metadata.metadata.owner], ["image/x-test", 300_000, "ada"]);
});

test("a resumable upload of several chunks arrives whole", async () => {
  const file = bucket.file("large.bin");
  const content = randomBytes(3 << 20);
  await file.save(content, { resumable: true, chunkSize: 1 << 20 });
  assert.ok(content.equals((await file.download())[0]));
});

test("preconditions, lists with prefix and delimiter, copies and deletion", async () => {
  for (const name of ["a/1", "a/2", "a/b/3", "c"]) {
    await bucket.file(`list/${name}`).save(name, { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } });
  }
  await assert.rejects(
    bucket.file("list/c").save("again", { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } }),
    { code: 412 },
  );
  const [files, , answer] = await bucket.getFiles({ prefix: "list/a/", delimiter: "/", autoPaginate: false });
  assert.deepEqual(files.map((file) => file.name), ["list/a/1", "list/a/2"]);
  assert.deepEqual(answer.prefixes, ["list/a/b/"]);
  await bucket.file("list/a/1").copy(bucket.file("list/copy"));
  assert.equal(String((await bucket.file("list/copy").download())[0]), "a/1");
  await bucket.file("list/c").delete();
  assert.deepEqual(await bucket.file("list/c").exists(), [false]);
  await assert.rejects(bucket.file("list/c").download(), { code: 404 });
});

test("a download URL holds the file's own token and works", async () => {
  const file = bucket.file("shared/pic.txt");
  const token = "11111111-2222-3333-4444-555555555555";
  await file.save("picture", { resumable: false, metadata: { metadata: { firebaseStorageDownloadTokens: token } } });
  const url = await getDownloadURL(file);
  assert.ok(url.includes(token));
  assert.equal(await (await fetch(url)).text(), "picture");
});
