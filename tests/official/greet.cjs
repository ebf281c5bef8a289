// A web client: calls a function without and with a signed-in user, and prints what it was told.
const { initializeApp } = require("firebase/app");
const { connectAuthEmulator, createUserWithEmailAndPassword, getAuth } = require("firebase/auth");
const { connectFunctionsEmulator, getFunctions, httpsCallable } = require("firebase/functions");

async function main([functions, auth, projectId]) {
  const app = initializeApp({ projectId, apiKey: "any" });
  connectAuthEmulator(getAuth(app), `http://${auth}`, { disableWarnings: true });
  const [host, port] = functions.split(":");
  connectFunctionsEmulator(getFunctions(app), host, Number(port));
  const greet = httpsCallable(getFunctions(app), "greet");
  const refused = await greet({ name: "nobody" }).catch((error) => error.code);
  const { user } = await createUserWithEmailAndPassword(getAuth(app), "ada@example.com", "a secret");
  const { data } = await greet({ name: "Ada" });
  console.log(JSON.stringify({ refused, uid: user.uid, data }));
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
