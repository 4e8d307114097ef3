"use strict";
// Old syntax on purpose: any Node must be able to read this file and say what it lacks. The build
// puts in the version and the rest of the program.
var minimum = "MINIMUM_NODE";
var running = process.versions.node;
var have = running.split(".").map(Number);
var want = minimum.split(".").map(Number);
var needs = ["prelude-profile-mcp needs Node.js", minimum, "or newer; this is", running];
var i = 0;
while (i < 2 && have[i] === want[i]) i++;
if (have[i] < want[i]) {
  process.stderr.write(needs.join(" ").concat("\n"));
  process.exit(1);
}
require("./BUILD_FOLDER/main.cjs");
