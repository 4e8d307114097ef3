import dns from "node:dns";
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { afterEach, expect, test, vi } from "vitest";
import { send, setTheScene } from "./scene.ts";

const { closers, newClient } = setTheScene();

// A server on a thread of its own that answers 204 and listens with the shortest queue there is, but
// takes nobody out of it until it is told to. While the queue is full, the kernel drops what knocks,
// and who knocked tries again a second later: a slow address, without a clock in this test.
const slowServer = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { createServer } = require("node:http");
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(204).end());
  });
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(workerData), 0, 0);
  });
`;

const startSlowServer = async () => {
  const gate = new SharedArrayBuffer(4);
  const worker = new Worker(slowServer, { eval: true, workerData: gate });
  const sockets: Socket[] = [];
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return worker.terminate();
  });
  const port = await new Promise<number>((resolve) => worker.once("message", resolve));
  const knock = () => {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    sockets.push(socket);
    return new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  };
  // Fills the queue: a backlog of 1 holds two, the third is not let in.
  await Promise.all([knock(), knock()]);
  void knock();
  const open = () => {
    Atomics.store(new Int32Array(gate), 0, 1);
    Atomics.notify(new Int32Array(gate), 0);
  };
  return { port, open };
};

const resolvingTo = (...addresses: dns.LookupAddress[]) =>
  vi.spyOn(dns, "lookup").mockImplementation(((_: string, __: unknown, done: unknown) => {
    (done as (error: null, found: dns.LookupAddress[]) => void)(null, addresses);
  }) as typeof dns.lookup);

const slowOne = { address: "127.0.0.1", family: 4 };
// Nobody listens on that port there.
const deadOne = { address: "::1", family: 6 };

afterEach(() => vi.restoreAllMocks());

test.each([
  ["slow address before a dead one", [slowOne, deadOne]],
  ["dead address before a slow one", [deadOne, slowOne]],
])("a host with a %s is reached", async (_, addresses) => {
  const { port, open } = await startSlowServer();
  const client = newClient({ baseUrl: `http://api.prelude.test:${port}` });
  const lookup = resolvingTo(...addresses);
  const pending = send(client, "usr_1");
  await vi.waitUntil(() => lookup.mock.calls.length > 0);
  setImmediate(open);
  expect(await pending).toEqual({ attempts: 1, httpStatus: 204 });
});
