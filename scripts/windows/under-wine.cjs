// Usage: node under-wine.cjs NODE.EXE ARGUMENTS…
// Acts as that Node for Windows: the same streams, the same exit code. A Node under Wine cannot use
// pipes that were made outside, so this file runs twice: outside, and once more under Wine, where it
// starts the program as its own child and carries the three streams over a loopback socket, a JSON
// message a line. The settings, PRELUDE_*, are handed on; the working folder is WINE_FOLDER.
const { spawn } = require("node:child_process");
const { connect, createServer, Socket } = require("node:net");
const { createInterface } = require("node:readline");

const lines = (socket, take) =>
  createInterface({ input: socket }).on("line", (line) => take(JSON.parse(line)));
const sender = (socket) => (message) => socket.write(`${JSON.stringify(message)}\n`);

const inside = (port) => {
  const socket = connect(port, "127.0.0.1");
  const send = sender(socket);
  let child;
  const start = ({ args, env, cwd }) => {
    child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env } });
    child.stdin.on("error", () => {});
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8").on("data", (text) => send({ [name]: text }));
    }
    child.on("error", (error) => send({ stderr: error.message, exit: 1 }));
    child.on("close", (exit) => socket.end(`${JSON.stringify({ exit })}\n`));
  };
  lines(socket, (message) => {
    if (message.start) start(message.start);
    else if (message.stdin !== undefined) child.stdin.write(message.stdin);
    else child.stdin.end();
  });
  socket.on("close", () => child?.kill());
};

const outside = ([node, ...args]) => {
  const settings = Object.entries(process.env).filter(([name]) => name.startsWith("PRELUDE_"));
  const preload = ["--require", `Z:${__filename.replaceAll("/", "\\")}`];
  const listener = createServer((socket) => {
    listener.close();
    const send = sender(socket);
    const env = Object.fromEntries(settings);
    send({ start: { args: [...preload, ...args], env, cwd: process.env.WINE_FOLDER } });
    process.stdin.setEncoding("utf8").on("data", (text) => send({ stdin: text }));
    process.stdin.on("end", () => send({ end: true }));
    lines(socket, ({ stdout, stderr, exit }) => {
      if (stdout !== undefined) process.stdout.write(stdout);
      if (stderr !== undefined) process.stderr.write(stderr);
      if (exit !== undefined) process.exitCode = exit;
    });
    socket.on("close", () => process.stdin.destroy());
  });
  listener.listen(0, "127.0.0.1", () => {
    const words = [node, preload[1], "--inside", String(listener.address().port)];
    const wine = spawn("wine", words, { stdio: "ignore" });
    wine.on("exit", (code) => code && process.exit(code));
  });
};

const [first, port] = process.argv.slice(2);
// Preloaded: Wine, not Node, breaks a socket whose setKeepAlive is called before it is connected.
if (require.main !== module) {
  Socket.prototype.setKeepAlive = function setKeepAlive() {
    return this;
  };
} else if (first === "--inside") inside(Number(port));
else outside(process.argv.slice(2));
