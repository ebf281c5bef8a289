// Reads and writes a database with the npm package firestore-export-import, and prints what it took as JSON:
//   node measure.mjs WHOLE|OWN COLLECTION...     (OWN: told not to look for subcollections)
// The database is that of FIRESTORE_EMULATOR_HOST and GOOGLE_CLOUD_PROJECT. What was read is then written to
// another project of the same emulator, demo-peer, which must be empty. Values stay objects in between: no JSON.

import { backups, initializeFirebaseApp, restore } from 'firestore-export-import';

const [how, ...collections] = process.argv.slice(2);
const options = { includeSubcollections: how === 'WHOLE' };

const source = initializeFirebaseApp(undefined, 'source');
const target = initializeFirebaseApp(undefined, 'target', { firestore: { projectId: 'demo-peer' } });

function count(collection) {
  let documents = 0;
  for (const document of Object.values(collection)) {
    documents += 1;
    for (const below of Object.values(document.subCollection ?? {})) documents += count(below);
  }
  return documents;
}

async function timed(work) {
  const began = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const result = await work();
  const used = process.cpuUsage(cpu);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  return [result, { seconds, cpuSeconds: (used.user + used.system) / 1e6 }];
}

await backups(source, ['warmUp'], options);
await restore(target, { warmUp: { one: { number: 1 } } });

const [data, read] = await timed(() => backups(source, collections, options));
const documents = Object.values(data).reduce((sum, collection) => sum + count(collection), 0);
const [, written] = await timed(() => restore(target, data));

console.log(JSON.stringify({ documents, read, written }));
process.exit(0);
