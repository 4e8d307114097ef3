import type { Config } from "../config/config.ts";
import { describeSettings } from "../config/settings.ts";
import { name, version } from "../lib/package.wire.ts";
import { type CallScope, createClient, type PreludeClient } from "../prelude/client.ts";
import type { RequestFailure } from "../prelude/errors.ts";
import { readProfile } from "../profile/read.ts";
import { type ErrorCode, type FailureFacts, recovery } from "../tools/messages.ts";
import { causeOf } from "../tools/reasons.ts";

/** It can belong to nobody: a ULID of zeros. So a PATCH for it changes nothing. */
const nilUser = "usr_00000000000000000000000000";
/** Stands in where no app is fixed, for which `app_not_found` is the answer to hope for. */
const nilApp = "0000000";
const sandboxApp = "54e9ujn";
const request = `a PATCH for ${nilUser}, a user that cannot exist, so nothing is changed`;

/** What was really tried; the rest is not known to be right. */
type Tested = { key: boolean; network: boolean; app: boolean; user: boolean };
const nothing: Tested = { key: false, network: false, app: false, user: false };

type Verdict = {
  ok: boolean;
  code: string;
  text: string;
  httpStatus?: number | undefined;
  tested: Tested;
};

const capitalized = (words: string): string => `${words[0]?.toUpperCase()}${words.slice(1)}`;
const sentence = (words: string): string => `${capitalized(words)}.`;

/** Codes that Prelude gives with words of its own; without these somebody else gave them. */
const inPreludesForm: ReadonlySet<ErrorCode> = new Set([
  "forbidden",
  "not_found",
  "rate_limited",
  "upstream_error",
  "api_error",
]);

/** What the operator does about a failure; where nobody knows, what happened. */
const advice = (failure: RequestFailure, baseUrl: string): string => {
  const { code, httpStatus, apiCode, apiMessage, reason, reasonDetail } = failure;
  const isWordless = inPreludesForm.has(code) && apiCode === undefined && apiMessage === undefined;
  if (reason === "web_page" || isWordless) {
    return `HTTP ${httpStatus} did not come in the form of Prelude's answers, so it was probably given by what stands between here and ${baseUrl}: a firewall, a proxy, a gateway or a sign-in page. Ask its operator; or PRELUDE_BASE_URL is wrong. It says nothing about the key.`;
  }
  const facts: FailureFacts = {};
  if (apiCode !== undefined) facts.apiCode = apiCode;
  if (httpStatus !== undefined) facts.httpStatus = httpStatus;
  const known: { fix?: string; what: (facts: FailureFacts) => string } = recovery[code];
  const status = httpStatus === undefined ? {} : { httpStatus };
  const cause = reason === undefined ? "" : ` (${causeOf(reason, { ...reasonDetail, ...status })})`;
  const words = apiMessage === undefined ? "" : ` Prelude's words: ${JSON.stringify(apiMessage)}`;
  return `${sentence(`${known.fix ?? known.what(facts)}${cause}`)}${words}`;
};

/** What the answer to the test's PATCH says about key, app and network. */
const judge = (failure: RequestFailure | undefined, { appId, baseUrl }: Config): Verdict => {
  if (!failure) {
    const text =
      "A write for a user that cannot exist was accepted, so this is not Prelude: check PRELUDE_BASE_URL.";
    return { ok: false, code: "updated", text, tested: nothing };
  }
  const { code, httpStatus } = failure;
  const tested = { ...nothing, key: true, network: true };
  if (appId === undefined && (code === "app_not_found" || code === "user_not_found")) {
    const text =
      "the key works. No app was tested, because PRELUDE_APP_ID is not set; with it, the app is tested and the agent can reach no other.";
    return { ok: true, code, text, httpStatus, tested };
  }
  if (code === "user_not_found") {
    const text = `the key works, and Prelude knows the app ${appId}.`;
    return { ok: true, code, text, httpStatus, tested: { ...tested, app: true } };
  }
  return { ok: false, code, text: advice(failure, baseUrl), httpStatus, tested: nothing };
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
  const tested = { ...verdict.tested, user: true };
  if (outcome.failure?.code === "user_not_found") {
    const wrong = `${text} It knows no user ${userId}: correct PRELUDE_USER_ID.`;
    return { ...verdict, ok: false, text: wrong, tested };
  }
  return kind === "found"
    ? { ...verdict, text: `${text} It knows the user ${userId}.`, tested }
    : { ...verdict, text: `${untested} looking it up failed.` };
};

/** What the sandbox's answer says: it has no key to be wrong and no network to fail. */
const inSandbox = (verdict: Verdict): Verdict => ({
  ...verdict,
  text: verdict.ok
    ? "the settings can be read and the sandbox answers. Neither a key nor the network was tested."
    : verdict.text,
  tested: nothing,
});

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
    const { failure } = await client.patchProfile(target, scope);
    const verdict = judge(failure, config);
    return sandbox ? inSandbox(verdict) : await withUser(verdict, config, client, scope);
  } finally {
    await client.close();
    close();
  }
};

const notConfigured: Verdict = {
  ok: false,
  code: "not_configured",
  text: sentence(recovery.not_configured.fix),
  tested: nothing,
};

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

const asJson = (facts: object): string =>
  JSON.stringify({
    version,
    ok: false,
    sandbox: false,
    problems: [],
    warnings: [],
    settings: null,
    check: null,
    ...facts,
  });

/** What `--check --json` answers where the settings stop the start. */
export const problemsAsJson = (problems: readonly string[], sandbox: boolean): string =>
  asJson({ sandbox, problems });

const verdictAsJson = (config: Config, { sandbox, warnings }: Options, verdict: Verdict) => {
  const { ok, code, text, httpStatus, tested } = verdict;
  const message = capitalized(text);
  const check = { request, code, message, http_status: httpStatus ?? null, tested };
  return asJson({ ok, sandbox, warnings, settings: settingValues(config), check });
};

const settingsAsText = (config: Config, sandbox: boolean): string => {
  const rows = { ...describeSettings(config, sandbox) };
  if (sandbox || config.apiKey !== undefined) rows.test = request;
  const lines = Object.entries(rows).map(
    ([label, text]) => `  ${label.replaceAll("_", " ").padEnd(14)}${text}`,
  );
  return [`${name} ${version}`, ...lines].join("\n");
};

/**
 * `--check`: prints the effective settings and guards, then asks Prelude about the key, the app and
 * the network without changing anything. Resolves with the exit code: 0 fine, 1 not.
 */
export const check = async (config: Config, options: Options, out: Out): Promise<number> => {
  const { sandbox, json } = options;
  if (!json) out.print(settingsAsText(config, sandbox));
  const { apiKey, baseUrl, timeoutMs } = config;
  const isAsked = sandbox || apiKey !== undefined;
  if (isAsked && !sandbox) {
    out.waiting?.(`waiting for the answer of ${baseUrl}, at most ${timeoutMs / 1_000} s …`);
  }
  const verdict = isAsked ? await ask(config, sandbox) : notConfigured;
  const { ok, code, text } = verdict;
  const line = ok ? `OK: ${text}` : `NOT OK  ${code}: ${text}`;
  out.print(json ? verdictAsJson(config, options, verdict) : line);
  return ok ? 0 : 1;
};
