import { setImmediate as tick } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { honest, type Step, startFaultServer } from "../support/fault-server.ts";
import { startGuarded } from "../support/guarded.ts";
import { app } from "../support/server-process.ts";

test("200 calls over 20 users: all answered, in order for each user, on 16 connections", async () => {
  const own = await startFaultServer();
  onTestFinished(own.close);
  let running = 0;
  let mostRunning = 0;
  const slowly: Step = async (exchange) => {
    running += 1;
    mostRunning = Math.max(mostRunning, running);
    // Long enough for other calls to overtake, if they could.
    for (let i = 0; i < 20; i++) await tick();
    running -= 1;
    honest(exchange);
  };
  const stages = Array.from({ length: 20 }, (_, i) => own.stage(`usr_${i}`, { otherwise: slowly }));
  const env = { PRELUDE_BASE_URL: own.url, PRELUDE_MAX_WRITES_PER_MINUTE: "0" };
  const { server } = await startGuarded({ env });
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => {
      const profile = { n: `${Math.floor(i / 20)}` };
      return server.callTool({ app_id: app, user_id: `usr_${i % 20}`, profile });
    }),
  );
  expect(answers.map(({ structured }) => structured.status)).toEqual(Array(200).fill("updated"));
  for (const { received, profile } of stages) {
    expect(received.map((request) => request.profile.n)).toEqual([..."0123456789"]);
    expect(profile.get("n")).toBe("9");
  }
  expect(own.mostSockets()).toBeLessThanOrEqual(16);
  expect(mostRunning).toBeGreaterThan(8);
});
