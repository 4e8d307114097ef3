// Runs under Wine, where a Node cannot use pipes that were made outside: starts the program that the
// first line from the socket names as its own child, and carries the three streams over the socket,
// a JSON message a line.
const { spawn } = require("node:child_process");
const { connect } = require("node:net");
const { createInterface } = require("node:readline");

const socket = connect(Number(process.argv[2]), "127.0.0.1");
const send = (message) => socket.write(`${JSON.stringify(message)}\n`);
let child;

const start = ({ args, env, cwd }) => {
  child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env } });
  child.stdin.on("error", () => {});
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8").on("data", (text) => send({ [name]: text }));
  }
  child.on("error", (error) => send({ stderr: error.message, exit: -1 }));
  child.on("close", (exit) => socket.end(`${JSON.stringify({ exit })}\n`));
};

createInterface({ input: socket }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.start) start(message.start);
  else if (message.stdin !== undefined) child.stdin.write(message.stdin);
  else child.stdin.end();
});
socket.on("close", () => child?.kill());
