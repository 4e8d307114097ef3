import type { Config } from "../config/config.ts";
import { describeSettings } from "../config/describe.ts";
import { name, version } from "../lib/package.wire.ts";
import { createClient } from "../prelude/client.ts";
import type { RequestFailure } from "../prelude/errors.ts";
import type { ErrorCode } from "../tools/messages.ts";
import { causeOf } from "../tools/reasons.ts";

/** It can belong to nobody: a ULID of zeros. So a PATCH for it changes nothing. */
const nilUser = "usr_00000000000000000000000000";
/** Stands in where no app is pinned, for which `app_not_found` is the answer to hope for. */
const nilApp = "0000000";

type Options = { sandbox: boolean; json: boolean };
type Verdict = { ok: boolean; code: string; text: string; http_status?: number };

/** Code of the answer -> what whoever runs the server has to do. */
const fixes: Partial<Record<ErrorCode, string>> = {
  app_not_found: "Prelude knows no such app: correct PRELUDE_APP_ID.",
  session_disabled: "Session management is disabled for this app: enable it in Prelude.",
  unauthorized:
    "Prelude did not accept the key: set PRELUDE_API_KEY to a management API key (dashboard, Settings, API Keys).",
  forbidden: "Access was refused: check the account and what the key may do.",
  not_found: "A 404 that is not Prelude's: check PRELUDE_BASE_URL.",
  unexpected_response:
    "Something else than Prelude answered: check PRELUDE_BASE_URL, the proxy, or a network sign-in page.",
  rate_limited: "Prelude received too many requests: wait a minute and check again.",
  upstream_error: "Prelude has a problem of its own: check again later.",
  unreachable: "Check the network, PRELUDE_BASE_URL and the proxy variables.",
  timeout: "No answer in time: check the network, or raise PRELUDE_TIMEOUT_MS.",
  connection_lost: "The connection broke: check the network and the proxy, then check again.",
};

const judge = (failure: RequestFailure | undefined, appKnown: boolean): Verdict => {
  if (!failure) {
    return {
      ok: false,
      code: "updated",
      text: `Prelude accepted a write for ${nilUser}, a user that cannot exist: is PRELUDE_BASE_URL right?`,
    };
  }
  const { code, reason, reasonDetail, apiCode, apiMessage, httpStatus } = failure;
  const cause = reason && causeOf(reason, { ...reasonDetail, ...(httpStatus && { httpStatus }) });
  const status = httpStatus === undefined ? {} : { http_status: httpStatus };
  if (code === "user_not_found") {
    return { ok: true, code, text: "The key, the app and the network are fine.", ...status };
  }
  if (code === "app_not_found" && !appKnown) {
    return {
      ok: true,
      code,
      text: "The key and the network are fine. Set PRELUDE_APP_ID to check an app as well.",
      ...status,
    };
  }
  const known = [httpStatus && `HTTP ${httpStatus}`, apiCode && `code "${apiCode}"`].filter(
    Boolean,
  );
  const words = [
    known.length > 0 && !fixes[code] && `(${known.join(", ")})`,

    cause && `(${cause})`,
    apiMessage && `Prelude's words: ${JSON.stringify(apiMessage)}`,
  ];
  const fix =
    fixes[code] ?? "Prelude refused the test request for a reason that this check does not know.";
  return { ok: false, code, text: [fix, ...words].filter(Boolean).join(" "), ...status };
};

const ask = async (config: Config, sandbox: boolean): Promise<Verdict> => {
  if (!sandbox && config.apiKey === undefined) {
    return {
      ok: false,
      code: "not_configured",
      text: "Set PRELUDE_API_KEY (Prelude dashboard, Settings, API Keys), or PRELUDE_API_KEY_FILE.",
    };
  }
  const simulated = sandbox
    ? await (await import("../sandbox/sandbox.ts")).startSandbox(config)
    : undefined;
  const { baseUrl, apiKey } = simulated ?? { baseUrl: config.baseUrl, apiKey: config.apiKey ?? "" };
  const client = createClient({
    baseUrl,
    apiKey,
    product: `${name}/${version}`,
    useProxy: !sandbox,
  });
  const appId = config.appId ?? (sandbox ? "54e9ujn" : nilApp);
  try {
    const { failure } = await client.patchProfile(
      { appId, userId: nilUser, profile: { check: "check" } },
      {
        signal: AbortSignal.timeout(config.timeoutMs),
        deadlineAt: performance.now() + config.timeoutMs,
      },
    );
    return judge(failure, sandbox || config.appId !== undefined);
  } finally {
    await client.close();
    simulated?.close();
  }
};

/**
 * `--check`: prints the effective settings and guards, then asks Prelude about the key without
 * changing anything. Resolves with the exit code: 0 fine, 1 not.
 */
export const check = async (
  config: Config,
  options: Options,
  print: (text: string) => void,
): Promise<number> => {
  const settings = describeSettings(config, options.sandbox);
  const verdict = await ask(config, options.sandbox);
  if (options.json) {
    print(JSON.stringify({ version, sandbox: options.sandbox, settings, check: verdict }));
  } else {
    const lines = Object.entries(settings).map(
      ([label, text]) => `  ${label.replaceAll("_", " ").padEnd(14)}${text}`,
    );
    print(
      [
        `${name} ${version}`,
        ...lines,
        `${verdict.ok ? "OK" : "NOT OK"}  ${verdict.code}: ${verdict.text}`,
      ].join("\n"),
    );
  }
  return verdict.ok ? 0 : 1;
};
