import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  apiBody,
  applied,
  drip,
  honest,
  interim,
  raw,
  reply,
  type Step,
  startFaultServer,
} from "../support/fault-server.ts";
import { done, send, setTheScene } from "./scene.ts";

const { closers, newClient, scene } = setTheScene();

/** Writes the parts one after the other, each when the client, in this process, could read the last. */
const inParts =
  (...parts: string[]): Step =>
  async ({ socket }) => {
    socket.setNoDelay(true);
    for (const part of parts) {
      await new Promise((sent) => socket.write(part, sent));
      for (let i = 0; i < 5; i++) await turn();
    }
  };

const goOn = "HTTP/1.1 100 Continue\r\n\r\n";
const done204 = "HTTP/1.1 204 No Content\r\n\r\n";
const refusal = JSON.stringify(apiBody("reserved_profile_key"));
const refused = `HTTP/1.1 400 Bad\r\ncontent-length: ${refusal.length}\r\n\r\n${refusal}`;

const unasked: [string, Step][] = [
  ["100 Continue", interim(1, "100 Continue", honest)],
  ["several of them", interim(5, "100 Continue", honest)],
  ["a thousand of them", interim(1_000, "100 Continue", honest)],
  ["one with headers", interim(1, "100 Continue\r\nserver: x\r\nx: HTTP/1.1 200 OK", honest)],
  ["one without a reason", interim(1, "100", honest)],
  ["one of HTTP/1.0", applied(raw(`HTTP/1.0 100 Continue\r\n\r\n${done204}`, false))],
  ["one behind another kind", interim(1, "103 Early Hints\r\n\r\nHTTP/1.1 100 Continue", honest)],
  ["one in three parts", applied(inParts("HTTP/1", ".1 100 Cont", `inue\r\n\r\n${done204}`))],
  ["one cut in its end", applied(inParts("HTTP/1.1 100 Continue\r\n\r", `\n${done204}`))],
  ["one and half of an answer", applied(inParts(`${goOn}HTTP/1.1 2`, "04 No Content\r\n\r\n"))],
  ["one byte at a time", applied(drip(goOn + done204, 1))],
];

describe("interim answers that nobody asked for make one PATCH and a success", () => {
  test.concurrent.each(unasked)("%s", async (_, step) => {
    const { stage, patch } = scene([], { otherwise: step });
    expect(await patch()).toEqual(done(1));
    expect(stage.received).toHaveLength(1);
    expect(stage.applied).toHaveLength(1);
    // The connections are still in order: one that is about to be free may be passed by, once.
    for (let i = 0; i < 3; i++) expect(await patch()).toEqual(done(1));
    expect(new Set(stage.received.map(({ connection }) => connection)).size).toBeLessThan(3);
  });

  test("on a TLS connection too", async () => {
    const own = await startFaultServer("valid");
    closers.push(own.close);
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      const stage = own.stage("usr_tls", { otherwise: interim(2, "100 Continue", honest) });
      const client = newClient({ baseUrl: own.url });
      for (const _ of [1, 2]) expect(await send(client, "usr_tls")).toEqual(done(1));
      expect(stage.applied).toHaveLength(2);
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
  });
});

describe("what is no interim answer stays", () => {
  test("a refusal behind one", async () => {
    const { patch, stage } = scene([raw(goOn + refused, false)]);
    expect(await patch()).toMatchObject({
      attempts: 1,
      failure: { code: "reserved_profile_key", mayHaveWritten: false },
    });
    expect(stage.received).toHaveLength(1);
  });

  test("the words of one inside a body, also where a packet begins with them", async () => {
    const body = JSON.stringify(apiBody("invalid_request", `${goOn}not this`));
    const head = `HTTP/1.1 400 Bad\r\ncontent-length: ${body.length}\r\n\r\n`;
    const at = body.indexOf("HTTP/1.1");
    const steps = [
      raw(head + body, false),
      inParts(head, body.slice(0, at), body.slice(at)),
      // Not JSON, so that the line breaks stay: a body that is one in full.
      inParts(`HTTP/1.1 400 Bad\r\ncontent-length: ${goOn.length}\r\n\r\n`, goOn),
    ];
    for (const step of steps) {
      const { patch } = scene([step]);
      const { attempts, failure } = await patch();
      expect([attempts, failure?.httpStatus]).toEqual([1, 400]);
    }
    const { failure } = await scene([inParts(head, body.slice(0, at), body.slice(at))]).patch();
    expect(failure?.apiMessage).toBe("HTTP/1.1 100 Continue not this");
  });

  test("an upgrade, which is a lost answer", async () => {
    for (const behind of ["", done204]) {
      const upgrade = raw(`HTTP/1.1 101 Switching Protocols\r\n\r\n${behind}`);
      const { patch } = scene([], { otherwise: upgrade });
      expect((await patch()).failure?.code).toBe("connection_lost");
    }
  });

  test("a server that sends nothing else, until the deadline", async () => {
    const { patch, stage } = scene([interim(3, "100 Continue", () => {})]);
    expect(await patch({ timeoutMs: 100 })).toEqual({
      attempts: 1,
      failure: { code: "timeout", mayHaveWritten: true },
    });
    await stage.received[0]?.closed;
  });

  test("a head that does not end, which is no HTTP", async () => {
    const endless = `HTTP/1.1 100 Continue\r\nx: ${"x".repeat(40_000)}`;
    const { patch } = scene([], { otherwise: raw(endless, false) });
    expect(await patch()).toEqual({
      attempts: 1,
      failure: { code: "unexpected_response", mayHaveWritten: true, reason: "not_http" },
    });
  });

  test("the answer of a server that sends an error before one", async () => {
    const { patch } = scene([applied(reply(503)), interim(1, "100 Continue", honest)]);
    expect(await patch()).toEqual(done(2));
  });
});
