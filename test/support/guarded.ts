import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  type Json,
  type ServerProcess,
  startServer,
  type ToolAnswer,
  toolAnswer,
} from "./server-process.ts";
import { type Handler, startUpstream } from "./upstream.ts";

export const key = "sk_test_guarded_9c1f";

type Setup = {
  env?: Record<string, string>;
  capabilities?: Json;
  /** What the upstream answers, in order; 204 unless given. */
  answers?: Handler[];
  /** What is run in place of the built server alone. */
  command?: string[];
};

/** A server with these settings before a recording upstream. Both end with the test. */
export const startGuarded = async ({ env, capabilities, answers = [], command }: Setup = {}) => {
  const upstream = await startUpstream(...answers);
  onTestFinished(upstream.close);
  const server = startServer({
    env: { PRELUDE_API_KEY: key, PRELUDE_BASE_URL: upstream.url, ...env },
    ...(command && { command }),
  });
  onTestFinished(async () => {
    await server.close();
  });
  await server.initialize(capabilities);
  return { server, upstream };
};

/** A call whose `arguments` are this JSON text, so that repeated keys and escapes survive. */
export const callRaw = async (server: ServerProcess, json: string): Promise<ToolAnswer> => {
  const id = `raw-${server.messages.length}`;
  server.write(
    `{"jsonrpc":"2.0","id":"${id}","method":"tools/call","params":{"name":"update_user_profile","arguments":${json}}}\n`,
  );
  const answer = () => server.messages.find((message) => message.id === id);
  await server.until(() => answer() !== undefined);
  return toolAnswer(answer() ?? { jsonrpc: "2.0" });
};

/** The JSON text of an object, as it is and as the string that some hosts make of it. */
export const bothForms = (json: string): string[] => [json, JSON.stringify(json)];

/** A folder of its own for the test, removed with it. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "guards-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** An event that a test waits for: `opened` resolves once `open` is called. */
export const gate = () => {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
};
