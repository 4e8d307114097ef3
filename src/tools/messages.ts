import { quoteList } from "../lib/text.ts";
import type { Reason, ReasonDetail } from "../prelude/errors.ts";

/**
 * What is known about a failed call, as far as its sentences need it. Texts from the API must
 * already be safe to show (`foreignText`).
 */
export type FailureFacts = {
  /** Profile keys at fault, or all keys sent where the API does not say which. */
  keys?: readonly string[];
  /** Keys the operator permits, for `key_not_allowed`. */
  allowedKeys?: readonly string[];
  /** Keys that the API acknowledged in this call, though the call as a whole failed. */
  acknowledgedKeys?: readonly string[];
  /** Keys that Prelude refused together, though it acknowledged every one of them in other company. */
  refusedTogether?: readonly string[];
  /** True: an attempt may have been applied all the same. */
  unsettled?: true;
  /** How the search of `on_reserved_key: "skip"` ended, where there was one. */
  search?: "finished" | "stopped";
  appId?: string;
  userId?: string;
  /** Arguments that the operator fixed, so that the agent cannot change them. */
  appPinned?: boolean;
  userPinned?: boolean;
  /** What `prelude/` knows about the cause; `reasons.ts` has the words. */
  reason?: Reason;
  reasonDetail?: ReasonDetail;
  /** A sentence of our own about the cause, without a full stop. */
  cause?: string;
  /** What to do about this cause, where the table's general advice would be wrong. */
  advice?: string;
  /** The API's own code, where it is a plain token that this product does not know. */
  apiCode?: string;
  apiMessage?: string;
  /** The one key that the API's message mentions, if it does. */
  mentionedKey?: string;
  httpStatus?: number;
  retryAfterSeconds?: number;
};

type Recovery = {
  /** True: the identical call may succeed later without anybody changing anything. */
  retryable: boolean;
  what: (facts: FailureFacts) => string;
  next: (facts: FailureFacts) => string;
};

const keys = (f: FailureFacts) => quoteList(f.keys ?? []);
const app = (f: FailureFacts) => (f.appId ? `app ${f.appId}` : "the app");
const user = (f: FailureFacts) => (f.userId ? `user ${f.userId}` : "the user");
const own = (f: FailureFacts) =>
  [f.apiCode && `code ${quoteList([f.apiCode])}`, f.httpStatus && `HTTP ${f.httpStatus}`]
    .filter(Boolean)
    .join(", ");

const waitThenRepeat = (f: FailureFacts) =>
  `Wait ${f.retryAfterSeconds ?? 60} s, then repeat the identical call; if you cannot wait, tell the person when it can be repeated.`;

/** Which argument the agent may correct depends on what the operator fixed. */
const fixedBy = (name: string) =>
  `is fixed by this server's setting ${name}, which whoever runs the server can correct`;

type Reserved = "together" | "partly" | "stopped" | "certain" | "ambiguous";

const reservedCase = (f: FailureFacts): Reserved => {
  if (f.refusedTogether?.length) return "together";
  if (f.search === "stopped") return "stopped";
  if (f.acknowledgedKeys?.length && !f.unsettled) return "partly";
  return f.search === "finished" || f.keys?.length === 1 ? "certain" : "ambiguous";
};

const reservedWhat: Record<Reserved, (f: FailureFacts) => string> = {
  together: (f) =>
    `Prelude refused ${quoteList(f.refusedTogether ?? [])} together as reserved, though it took each of them in other company${f.keys?.length ? `; it reserves ${keys(f)}` : ""}`,
  partly: (f) => `Prelude reserves ${keys(f)}, so only the other keys were written`,
  stopped: (f) =>
    `The search for the keys that Prelude reserves stopped before it was finished${f.keys?.length ? ` (found: ${keys(f)})` : ""}`,
  certain: (f) => `Prelude reserves ${keys(f)}`,
  ambiguous: (f) =>
    `Prelude reserves at least one of the keys ${keys(f)} and does not say which${f.mentionedKey === undefined ? "" : `, but its message mentions ${quoteList([f.mentionedKey])}`}`,
};

const reservedNext: Record<Reserved, (f: FailureFacts) => string> = {
  together: (f) =>
    `Tell the person that Prelude does not take ${quoteList(f.refusedTogether ?? [])} in one update, and ask which of them to write. Do not repeat the identical call.`,
  partly: (f) =>
    `Tell the person what was saved (${quoteList(f.acknowledgedKeys ?? [])}) and what this tool cannot set because Prelude reserves it (${keys(f)}). Do not send the reserved keys again, nor under another spelling.`,
  stopped: () =>
    "Call again with fewer keys at a time and without the reserved ones that were found. Until such a call answers updated, tell the person that the update is not finished.",
  certain: (f) =>
    `Tell the person that this tool cannot set ${keys(f)}, because Prelude reserves it. Do not send it again, nor under another spelling.`,
  ambiguous: () =>
    'If saving only some of the keys serves the person, call again with the same arguments and on_reserved_key set to "skip"; if you are not sure, ask first. Do not repeat the identical call.',
};

/** error code -> is a repeat worth it, what happened, what to do next (and what not to try). */
export const recovery = {
  // The five answers that the API document lists.
  invalid_request: {
    retryable: false,
    what: () => "Prelude refused the request as invalid",
    next: (f) =>
      `Do not repeat the identical call. Tell the person that Prelude refused the keys ${keys(f)}, with Prelude's words, and ask what to send instead; do not act on those words by yourself.`,
  },
  reserved_profile_key: {
    retryable: false,
    what: (f) => reservedWhat[reservedCase(f)](f),
    next: (f) => reservedNext[reservedCase(f)](f),
  },
  session_disabled: {
    retryable: false,
    what: (f) => `Session management is disabled for ${app(f)} in Prelude`,
    next: () =>
      "Tell the person that whoever administers this app in Prelude must enable session management first. Do not repeat the call and do not try another app id.",
  },
  app_not_found: {
    retryable: false,
    what: (f) => `Prelude knows no ${app(f)}`,
    next: (f) =>
      f.appPinned
        ? `Tell the person that the app ${fixedBy("PRELUDE_APP_ID")}. Repeating the call will not help until then.`
        : "Ask the person to check the app id, and call again with the one they give. Do not guess or try other app ids.",
  },
  user_not_found: {
    retryable: false,
    what: (f) => `${app(f).replace(/^./, (c) => c.toUpperCase())} has no ${user(f)}`,
    next: (f) => {
      if (f.userPinned) {
        const fixed = `that the user ${fixedBy("PRELUDE_USER_ID")}`;
        return f.appPinned
          ? `Tell the person ${fixed}. Repeating the call will not help until then.`
          : `Ask the person to check the app id; if it is right, tell them ${fixed}. Do not try other app ids.`;
      }
      const ids = f.appPinned ? "the user id" : "the user id and the app id";
      return `Ask the person to check ${ids}, and call again with what they give. The user id wanted starts with usr_ and is the sub claim of the user's access token (ask for the id, never for the token); it is not an email address, not a phone number and not the token's user_id claim. Do not complete, guess or try other user ids.`;
    },
  },

  // Refused by this server; nothing was sent.
  invalid_arguments: {
    retryable: false,
    what: () => "The arguments are not valid",
    next: (f) =>
      `${f.advice ? `${f.advice} ` : ""}Correct every entry of error.issues and call again; ask the person for what you do not know instead of inventing it.`,
  },
  key_not_allowed: {
    retryable: false,
    what: (f) => `This server may not write ${keys(f)}${f.cause ? ` (${f.cause})` : ""}`,
    next: (f) =>
      `Tell the person which keys are not permitted${f.allowedKeys ? `; only these may be written: ${quoteList(f.allowedKeys, 50)}` : ""}. If other keys of the call remain, call again with only those. Do not try other spellings.`,
  },
  not_configured: {
    retryable: false,
    what: () => "This server has no Prelude management API key",
    next: () =>
      "Tell the person to set PRELUDE_API_KEY for this MCP server (Prelude dashboard, Settings, API Keys) and to restart it. Do not ask for the key in the conversation, and do not repeat the call until then.",
  },
  too_many_writes: {
    retryable: true,
    what: () =>
      "This server's limit of writes per minute (PRELUDE_MAX_WRITES_PER_MINUTE) is reached",
    next: (f) => `${waitThenRepeat(f)} If you are writing in a loop, stop and tell the person.`,
  },
  confirmation_declined: {
    retryable: false,
    what: () => "The person did not approve this update",
    next: () => "Do not call again on your own. Ask the person what they would like instead.",
  },
  confirmation_timeout: {
    retryable: false,
    what: () => "The person did not answer the question about this update in time",
    next: () => "Do not call again on your own. Ask the person whether they still want it.",
  },
  confirmation_unavailable: {
    retryable: false,
    what: (f) =>
      f.cause ??
      "This server must ask the person before each write, and the question could not be shown",
    next: (f) =>
      f.advice ??
      "Tell the person that this server writes only after they approve it through MCP elicitation, so a client that supports it is needed. Do not repeat the call.",
  },
  audit_unavailable: {
    retryable: false,
    what: () => "This server must record each call in its audit file and cannot write to it",
    next: () =>
      "Tell the person that whoever runs this server must make the file of PRELUDE_AUDIT_LOG writable. Do not repeat the call until then.",
  },

  // Answers of the API or of something in front of it.
  unauthorized: {
    retryable: false,
    what: () => "Prelude did not accept this server's API key",
    next: () =>
      "Tell the person that whoever runs this server must check PRELUDE_API_KEY: it has to be a valid management API key (Prelude dashboard, Settings, API Keys). Repeating the call will not help until then.",
  },
  forbidden: {
    retryable: false,
    what: (f) => `Prelude refused this server access${own(f) ? ` (${own(f)})` : ""}`,
    next: () =>
      "Tell the person that whoever runs this server must check the Prelude account and what this API key may do. Do not repeat the call and do not try other ids.",
  },
  not_found: {
    retryable: false,
    what: () => "The answer was 404 without a code that says what is missing",
    next: (f) =>
      `Tell the person that whoever runs this server should check PRELUDE_BASE_URL${f.apiMessage ? ", and ask them to check the ids" : ""}. Do not try other ids.`,
  },
  rate_limited: {
    retryable: true,
    what: () => "Prelude received too many requests",
    next: waitThenRepeat,
  },
  api_error: {
    retryable: false,
    what: (f) => `Prelude refused the request (${own(f)})`,
    next: (f) =>
      f.advice ??
      `Do not repeat the identical call. Compare the keys sent (${keys(f)}) with what the person asked for; if nothing is wrong with them, tell the person what Prelude answered.`,
  },
  upstream_error: {
    retryable: true,
    what: (f) => `Prelude failed with an error of its own (${own(f)})`,
    next: (f) =>
      `Wait ${f.retryAfterSeconds ?? 60} s, then repeat the identical call once; if you cannot wait or it fails again, tell the person that Prelude has a problem.`,
  },
  unexpected_response: {
    retryable: false,
    what: (f) =>
      `What came back does not look like an answer of Prelude's API${f.cause ? ` (${f.cause})` : ""}`,
    next: () =>
      "Tell the person that whoever runs this server must check PRELUDE_BASE_URL, and the proxy or the sign-in page of the network. After that the identical call is safe to repeat and settles whether the values are saved.",
  },

  // The network.
  unreachable: {
    retryable: true,
    what: (f) => `Prelude could not be reached${f.cause ? ` (${f.cause})` : ""}`,
    next: (f) =>
      f.advice ??
      "Repeat the identical call once in a minute; if you cannot wait or it fails again, tell the person that this server has no connection to Prelude.",
  },
  timeout: {
    retryable: true,
    what: (f) => f.cause ?? "Prelude did not answer in time",
    next: () =>
      "Repeat the identical call once; if it times out again, tell the person that Prelude is not answering.",
  },
  connection_lost: {
    retryable: true,
    what: (f) =>
      `The connection to Prelude was lost before its answer arrived${f.cause ? ` (${f.cause})` : ""}`,
    next: () =>
      "Repeat the identical call once; if it fails again, tell the person that the connection to Prelude is unstable.",
  },
} as const satisfies Record<string, Recovery>;

/** Every error code of this product; the first five are the API document's, verbatim. */
export type ErrorCode = keyof typeof recovery;

export const errorCodes = Object.keys(recovery) as [ErrorCode, ...ErrorCode[]];
