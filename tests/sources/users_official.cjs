// Google's own Auth emulator on a free port of the loopback; it ends with its standard input.
const { createApp } = require("firebase-tools/lib/emulator/auth/server");

createApp("demo-apps").then((app) => {
  const server = app.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${server.address().port}`));
  process.stdin.on("end", () => process.exit(0)).resume();
});
