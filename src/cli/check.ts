import type { Config } from "../config/config.ts";
import { configKeys, describeSettings, rows } from "../config/settings.ts";
import { quoted } from "../lib/names.ts";
import { name, version } from "../lib/package.wire.ts";
import { createClient } from "../prelude/client.ts";
import type { RequestFailure } from "../prelude/errors.ts";
import { type Read, readProfile } from "../profile/read.ts";
import { startSandbox } from "../sandbox/sandbox.ts";
import { inWords, type Recovery, recovery } from "../tools/messages.ts";
import { explain } from "../tools/reasons.ts";

/** It can belong to nobody: a ULID of zeros. So a PATCH for it changes nothing. */
const nilUser = "usr_00000000000000000000000000";
/** Stands in where no app is fixed, for which `app_not_found` is the answer to hope for. */
const nilApp = "0000000";
const sandboxApp = "54e9ujn";
const request = `a PATCH for ${nilUser}, a user that cannot exist, so nothing is changed`;

/** What was really tried; the rest is not known to be right. */
const nothing = { key: false, network: false, app: false, user: false };

const capitalized = (words: string): string => `${words[0]?.toUpperCase()}${words.slice(1)}`;

/** Why it failed, as far as that is known, in brackets. */
const causeIn = ({ reason, reasonDetail, httpStatus, apiCode, apiMessage }: RequestFailure) => {
  if (reason !== undefined) return ` (${explain(reason, { ...reasonDetail, httpStatus }).cause})`;
  const isWordless = httpStatus !== undefined && apiCode === undefined && apiMessage === undefined;
  return isWordless
    ? ` (HTTP ${httpStatus} without words of Prelude, so something in front of it may have answered)`
    : "";
};

const advice = (failure: RequestFailure): string => {
  const { fix, what }: Recovery = recovery[failure.code];
  const { apiMessage } = failure;
  const words = apiMessage === undefined ? "" : ` Prelude's words: ${quoted(apiMessage)}`;
  return `${capitalized(fix ?? inWords(what, failure))}${causeIn(failure)}.${words}`;
};

const judge = (failure: RequestFailure | undefined, { appId }: Config) => {
  if (!failure) {
    const text =
      "A write for a user that cannot exist was accepted, so this is not Prelude: check PRELUDE_BASE_URL.";
    return { ok: false, code: "updated", text, tested: nothing };
  }
  const { code, httpStatus } = failure;
  const isFine = code === "user_not_found" || (code === "app_not_found" && appId === undefined);
  if (!isFine) return { ok: false, code, text: advice(failure), httpStatus, tested: nothing };
  const text =
    appId === undefined
      ? "the key works. No app was tested, because PRELUDE_APP_ID is not set; with it, the app is tested and the agent can reach no other."
      : `the key works, and Prelude knows the app ${appId}.`;
  const tested = { key: true, network: true, app: appId !== undefined, user: false };
  return { ok: true, code, text, httpStatus, tested };
};

type Verdict = ReturnType<typeof judge>;

const withUser = (verdict: Verdict, userId: string, look: Read | string): Verdict => {
  const said = (sentence: string) => ({ ...verdict, text: `${verdict.text} ${sentence}` });
  const tested = { ...verdict.tested, user: true };
  const untested = `Whether there is a user ${userId} was not tested`;
  if (typeof look === "string") return said(`${untested}: ${look}.`);
  if (look.outcome.failure?.code === "user_not_found") {
    return { ...said(`It knows no user ${userId}: correct PRELUDE_USER_ID.`), ok: false, tested };
  }
  if (look.kind === "found") return { ...said(`It knows the user ${userId}.`), tested };
  return said(`${untested}: looking it up failed.`);
};

const ask = async (config: Config, sandbox: boolean): Promise<Verdict> => {
  const simulated = sandbox ? await startSandbox(config) : undefined;
  const { baseUrl, apiKey = "" } = simulated ?? config;
  const product = `${name}/${version}`;
  const client = createClient({ baseUrl, apiKey, useProxy: !sandbox, product });
  const deadlineAt = performance.now() + config.timeoutMs;
  const scope = { signal: new AbortController().signal, deadlineAt };
  const { appId = sandbox ? sandboxApp : nilApp, userId, read } = config;
  try {
    const target = { appId, userId: nilUser, profile: { check: "check" } };
    const verdict = judge((await client.patchProfile(target, scope)).failure, config);
    if (sandbox) {
      const fine =
        "the settings can be read and the sandbox answers. Neither a key nor the network was tested.";
      return { ...verdict, text: verdict.ok ? fine : verdict.text, tested: nothing };
    }
    if (userId === undefined || !verdict.ok) return verdict;
    const sought = { by: "user_id", value: userId } as const;
    if (read === "off") return withUser(verdict, userId, "that would take a write");
    if (config.appId === undefined) return withUser(verdict, userId, "that takes PRELUDE_APP_ID");
    return withUser(verdict, userId, await readProfile(client, appId, sought, scope));
  } finally {
    await client.close();
    simulated?.close();
  }
};

const notConfigured = (warnings: readonly string[]): Verdict => {
  const why = warnings.find((warning) => warning.startsWith("PRELUDE_API_KEY"));
  const text = `${why ?? capitalized(recovery.not_configured.fix)}.`;
  return { ok: false, code: "not_configured", text, tested: nothing };
};

/** What `--check --json` answers where the settings stop the start. */
export const problemsAsJson = (problems: readonly string[], sandbox: boolean): string => {
  const unknown = { warnings: [], settings: null, check: null };
  return JSON.stringify({ version, ok: false, sandbox, problems, ...unknown });
};

/** The settings as values for a script: `api_key` is only whether there is one. */
const settingValues = (config: Config): Record<string, unknown> => {
  const nameOf = (key: keyof Config) => rows[key].name.replace("PRELUDE_", "").toLowerCase();
  const values = configKeys.map((key) => [nameOf(key), config[key] ?? null]);
  return { ...Object.fromEntries(values), api_key: config.apiKey !== undefined };
};

const settingsAsText = (config: Config, sandbox: boolean, isAsked: boolean): string => {
  const shown = { ...describeSettings(config, sandbox), ...(isAsked && { test: request }) };
  const width = Math.max(...Object.keys(shown).map((label) => label.length)) + 2;
  const lines = Object.entries(shown).map(([label, text]) => `  ${label.padEnd(width)}${text}`);
  return [`${name} ${version}`, ...lines].join("\n");
};

/** `--check`: prints the settings in force, then asks Prelude; resolves with the exit code, 0 or 1. */
export const check = async (
  config: Config,
  { sandbox, json, warnings }: { sandbox: boolean; json: boolean; warnings: readonly string[] },
  print: (text: string) => void,
): Promise<number> => {
  const isAsked = sandbox || config.apiKey !== undefined;
  if (!json) print(settingsAsText(config, sandbox, isAsked));
  const verdict = isAsked ? await ask(config, sandbox) : notConfigured(warnings);
  const { ok, code, text, httpStatus = null, tested } = verdict;
  if (json) {
    const check = { request, code, message: capitalized(text), http_status: httpStatus, tested };
    const settings = settingValues(config);
    print(JSON.stringify({ version, ok, sandbox, problems: [], warnings, settings, check }));
  } else {
    print(ok ? `OK: ${text}` : `NOT OK  ${code}: ${text}`);
  }
  return ok ? 0 : 1;
};
