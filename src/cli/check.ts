import type { Config } from "../config/config.ts";
import { describeSettings } from "../config/describe.ts";
import { name, version } from "../lib/package.wire.ts";
import { createClient, type PreludeClient } from "../prelude/client.ts";
import { judge, judgeSandbox, notConfigured, type Verdict, withUser } from "./verdict.ts";

/** It can belong to nobody: a ULID of zeros. So a PATCH for it changes nothing. */
const nilUser = "usr_00000000000000000000000000";
/** Stands in where no app is fixed, for which `app_not_found` is the answer to hope for. */
const nilApp = "0000000";
const request = `a PATCH for ${nilUser}, a user that cannot exist, so nothing is changed`;

type Options = { sandbox: boolean; json: boolean; warnings: readonly string[] };
type Out = {
  print: (text: string) => void;
  /** Undefined where nobody looks on while it waits. */
  waiting: ((text: string) => void) | undefined;
};

/** The settings as values for a script: `api_key` is only whether there is one. */
const settingValues = (config: Config): Record<string, unknown> => {
  const values = Object.entries(config).map(([field, value]) => [
    field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value ?? null,
  ]);
  return { ...Object.fromEntries(values), api_key: config.apiKey !== undefined };
};

type Connection = { baseUrl: string; apiKey: string; useProxy: boolean; timeoutMs: number };
type Scope = { signal: AbortSignal; deadlineAt: number };

/** Runs this over a client of its own, within the deadline of one call. */
const within = async <T>(
  { timeoutMs, ...connection }: Connection,
  run: (client: PreludeClient, scope: Scope) => Promise<T>,
): Promise<T> => {
  const client = createClient({ ...connection, product: `${name}/${version}` });
  const deadlineAt = performance.now() + timeoutMs;
  try {
    return await run(client, { signal: new AbortController().signal, deadlineAt });
  } finally {
    await client.close();
  }
};

const sendPatch = async (client: PreludeClient, appId: string, scope: Scope) => {
  const profile = { check: "check" };
  return (await client.patchProfile({ appId, userId: nilUser, profile }, scope)).failure;
};

const askSandbox = async (config: Config): Promise<Verdict> => {
  const { startSandbox } = await import("../sandbox/sandbox.ts");
  const { baseUrl, apiKey, close } = await startSandbox(config);
  try {
    const { timeoutMs } = config;
    const appId = config.appId ?? "54e9ujn";
    const connection = { baseUrl, apiKey, useProxy: false, timeoutMs };
    const send = (client: PreludeClient, scope: Scope) => sendPatch(client, appId, scope);
    return judgeSandbox(await within(connection, send), appId);
  } finally {
    close();
  }
};

const askPrelude = async (config: Config, { waiting }: Out): Promise<Verdict> => {
  const { apiKey, baseUrl, timeoutMs } = config;
  if (apiKey === undefined) return notConfigured;
  waiting?.(`waiting for the answer of ${baseUrl}, at most ${timeoutMs / 1_000} s …`);
  return within({ baseUrl, apiKey, useProxy: true, timeoutMs }, async (client, scope) => {
    const { appId, userId } = config;
    const verdict = judge(await sendPatch(client, appId ?? nilApp, scope), appId, baseUrl);
    if (userId === undefined || !verdict.ok) return verdict;
    const readable = appId !== undefined && config.read !== "off";
    return withUser(
      verdict,
      userId,
      readable ? await client.getUser({ appId, userId }, scope) : undefined,
    );
  });
};

const asJson = (config: Config, { sandbox, warnings }: Options, verdict: Verdict): string => {
  const { ok, code, text, httpStatus, tested } = verdict;
  return JSON.stringify({
    version,
    ok,
    sandbox,
    problems: [],
    warnings,
    settings: settingValues(config),
    check: { request, code, message: text, http_status: httpStatus ?? null, tested },
  });
};

/** What `--check --json` answers where the settings stop the start. */
export const problemsAsJson = (problems: readonly string[], sandbox: boolean): string =>
  JSON.stringify({
    version,
    ok: false,
    sandbox,
    problems,
    warnings: [],
    settings: null,
    check: null,
  });

/**
 * `--check`: prints the effective settings and guards, then asks Prelude about the key, the app and
 * the network without changing anything. Resolves with the exit code: 0 fine, 1 not.
 */
export const check = async (config: Config, options: Options, out: Out): Promise<number> => {
  const { sandbox, json } = options;
  if (!json) {
    const rows = { ...describeSettings(config, sandbox) };
    if (sandbox || config.apiKey !== undefined) rows.test = request;
    const lines = Object.entries(rows).map(
      ([label, text]) => `  ${label.replaceAll("_", " ").padEnd(14)}${text}`,
    );
    out.print([`${name} ${version}`, ...lines].join("\n"));
  }
  const verdict = sandbox ? await askSandbox(config) : await askPrelude(config, out);
  const text = `${verdict.ok ? "OK" : "NOT OK"}  ${verdict.code}: ${verdict.text}`;
  out.print(json ? asJson(config, options, verdict) : text);
  return verdict.ok ? 0 : 1;
};
