import type { Config } from "../config/config.ts";
import { configKeys, describeSettings, rows } from "../config/settings.ts";
import { quoted } from "../lib/names.ts";
import { name, version } from "../lib/package.wire.ts";
import { type CallScope, createClient, type PreludeClient } from "../prelude/client.ts";
import type { RequestFailure } from "../prelude/errors.ts";
import { readProfile } from "../profile/read.ts";
import { inWords, type Recovery, recovery } from "../tools/messages.ts";
import { causeOf } from "../tools/reasons.ts";

/** It can belong to nobody: a ULID of zeros. So a PATCH for it changes nothing. */
const nilUser = "usr_00000000000000000000000000";
/** Stands in where no app is fixed, for which `app_not_found` is the answer to hope for. */
const nilApp = "0000000";
const sandboxApp = "54e9ujn";
const request = `a PATCH for ${nilUser}, a user that cannot exist, so nothing is changed`;

const testable = ["key", "network", "app", "user"] as const;

type Verdict = {
  ok: boolean;
  code: string;
  text: string;
  httpStatus?: number | undefined;
  /** What was really tried; the rest is not known to be right. */
  tested: readonly (typeof testable)[number][];
};

const capitalized = (words: string): string => `${words[0]?.toUpperCase()}${words.slice(1)}`;

/** Why it failed, as far as that is known, in brackets. */
const causeIn = ({ reason, reasonDetail, httpStatus, apiCode, apiMessage }: RequestFailure) => {
  if (reason !== undefined) return ` (${causeOf(reason, { ...reasonDetail, httpStatus })})`;
  const isWordless = httpStatus !== undefined && apiCode === undefined && apiMessage === undefined;
  return isWordless
    ? ` (HTTP ${httpStatus} without words of Prelude, so something in front of it may have answered)`
    : "";
};

/** What the operator does about a failure; where nobody knows, what happened. */
const advice = (failure: RequestFailure): string => {
  const { fix, what }: Recovery = recovery[failure.code];
  const { apiMessage } = failure;
  const words = apiMessage === undefined ? "" : ` Prelude's words: ${quoted(apiMessage)}`;
  return `${capitalized(fix ?? inWords(what, failure))}${causeIn(failure)}.${words}`;
};

/** What the answer to the test's PATCH says about key, app and network. */
const judge = (failure: RequestFailure | undefined, { appId }: Config): Verdict => {
  if (!failure) {
    const text =
      "A write for a user that cannot exist was accepted, so this is not Prelude: check PRELUDE_BASE_URL.";
    return { ok: false, code: "updated", text, tested: [] };
  }
  const { code, httpStatus } = failure;
  if (appId !== undefined && code === "user_not_found") {
    const text = `the key works, and Prelude knows the app ${appId}.`;
    return { ok: true, code, text, httpStatus, tested: ["key", "network", "app"] };
  }
  if (appId === undefined && (code === "app_not_found" || code === "user_not_found")) {
    const text =
      "the key works. No app was tested, because PRELUDE_APP_ID is not set; with it, the app is tested and the agent can reach no other.";
    return { ok: true, code, text, httpStatus, tested: ["key", "network"] };
  }
  return { ok: false, code, text: advice(failure), httpStatus, tested: [] };
};

/** The verdict with what is known of the fixed user, who is looked up where reading is on. */
const withUser = async (
  verdict: Verdict,
  { appId, userId, read }: Config,
  client: PreludeClient,
  scope: CallScope,
): Promise<Verdict> => {
  if (userId === undefined || !verdict.ok) return verdict;
  const { text } = verdict;
  const untested = `${text} Whether there is a user ${userId} was not tested:`;
  if (appId === undefined || read === "off") {
    return { ...verdict, text: `${untested} that would take a write.` };
  }
  const sought = { by: "user_id", value: userId } as const;
  const { kind, outcome } = await readProfile(client, appId, sought, scope);
  const tested = [...verdict.tested, "user"] as const;
  if (outcome.failure?.code === "user_not_found") {
    const wrong = `${text} It knows no user ${userId}: correct PRELUDE_USER_ID.`;
    return { ...verdict, ok: false, text: wrong, tested };
  }
  return kind === "found"
    ? { ...verdict, text: `${text} It knows the user ${userId}.`, tested }
    : { ...verdict, text: `${untested} looking it up failed.` };
};

const start = async (config: Config, sandbox: boolean) => {
  const { baseUrl, apiKey = "" } = config;
  if (!sandbox) return { baseUrl, apiKey, close: () => {} };
  return await (await import("../sandbox/sandbox.ts")).startSandbox(config);
};

/** Asks Prelude, or the sandbox, within the deadline of one call. */
const ask = async (config: Config, sandbox: boolean): Promise<Verdict> => {
  const { baseUrl, apiKey, close } = await start(config, sandbox);
  const product = `${name}/${version}`;
  const client = createClient({ baseUrl, apiKey, useProxy: !sandbox, product });
  const deadlineAt = performance.now() + config.timeoutMs;
  const scope: CallScope = { signal: new AbortController().signal, deadlineAt };
  try {
    const appId = config.appId ?? (sandbox ? sandboxApp : nilApp);
    const target = { appId, userId: nilUser, profile: { check: "check" } };
    const verdict = judge((await client.patchProfile(target, scope)).failure, config);
    if (!sandbox) return await withUser(verdict, config, client, scope);
    const fine =
      "the settings can be read and the sandbox answers. Neither a key nor the network was tested.";
    return { ...verdict, text: verdict.ok ? fine : verdict.text, tested: [] };
  } finally {
    await client.close();
    close();
  }
};

const notConfigured: Verdict = {
  ok: false,
  code: "not_configured",
  text: `${capitalized(recovery.not_configured.fix)}.`,
  tested: [],
};

type Options = { sandbox: boolean; json: boolean; warnings: readonly string[] };

/** What `--check --json` answers where the settings stop the start. */
export const problemsAsJson = (problems: readonly string[], sandbox: boolean): string => {
  const nothing = { warnings: [], settings: null, check: null };
  return JSON.stringify({ version, ok: false, sandbox, problems, ...nothing });
};

/** The settings as values for a script: `api_key` is only whether there is one. */
const settingValues = (config: Config): Record<string, unknown> => {
  const nameOf = (key: keyof Config) => rows[key].name.replace("PRELUDE_", "").toLowerCase();
  const values = configKeys.map((key) => [nameOf(key), config[key] ?? null]);
  return { ...Object.fromEntries(values), api_key: config.apiKey !== undefined };
};

const verdictAsJson = (config: Config, { sandbox, warnings }: Options, verdict: Verdict) => {
  const { ok, code, text, httpStatus } = verdict;
  const tested = Object.fromEntries(testable.map((each) => [each, verdict.tested.includes(each)]));
  const message = capitalized(text);
  const check = { request, code, message, http_status: httpStatus ?? null, tested };
  const settings = settingValues(config);
  return JSON.stringify({ version, ok, sandbox, problems: [], warnings, settings, check });
};

const settingsAsText = (config: Config, sandbox: boolean, isAsked: boolean): string => {
  const shown = { ...describeSettings(config, sandbox), ...(isAsked && { test: request }) };
  const lines = Object.entries(shown).map(([label, text]) => `  ${label.padEnd(14)}${text}`);
  return [`${name} ${version}`, ...lines].join("\n");
};

/**
 * `--check`: prints the effective settings and guards, then asks Prelude about the key, the app and
 * the network without changing anything. Resolves with the exit code: 0 fine, 1 not.
 */
export const check = async (
  config: Config,
  options: Options,
  print: (text: string) => void,
): Promise<number> => {
  const { sandbox, json } = options;
  const isAsked = sandbox || config.apiKey !== undefined;
  if (!json) print(settingsAsText(config, sandbox, isAsked));
  const verdict = isAsked ? await ask(config, sandbox) : notConfigured;
  const { ok, code, text } = verdict;
  const line = ok ? `OK: ${text}` : `NOT OK  ${code}: ${text}`;
  print(json ? verdictAsJson(config, options, verdict) : line);
  return ok ? 0 : 1;
};
