import { quoteList } from "./text.ts";

/**
 * What is known about a failed call, as far as its sentences need it. Texts from the API must
 * already be safe to show (`foreignText`).
 */
export type FailureFacts = {
  /** Profile keys at fault, or all keys sent where the API does not say which. */
  keys?: readonly string[];
  /** Keys the operator permits, for `key_not_allowed`. */
  allowedKeys?: readonly string[];
  /** Keys that were written all the same (`on_reserved_key: "skip"`). */
  writtenKeys?: readonly string[];
  appId?: string;
  userId?: string;
  /** Arguments that the operator fixed, so that the agent cannot change them. */
  appPinned?: boolean;
  userPinned?: boolean;
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
  /** True after `on_reserved_key: "skip"`: telling the agent to use it would be a loop. */
  skipped?: boolean;
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
const wait = (f: FailureFacts) =>
  f.retryAfterSeconds === undefined ? "Wait a minute" : `Wait ${f.retryAfterSeconds} s`;
const own = (f: FailureFacts) =>
  [f.apiCode && `code ${f.apiCode}`, f.httpStatus && `HTTP ${f.httpStatus}`]
    .filter(Boolean)
    .join(", ");

/** error code -> is a repeat worth it, what happened, what to do next (and what not to try). */
export const recovery = {
  // The five answers that the API document lists.
  invalid_request: {
    retryable: false,
    what: () => "Prelude refused the request as invalid",
    next: (f) =>
      `Do not repeat the identical call. Compare the keys sent (${keys(f)}) and their values with what the person asked for, and change what Prelude's words point at; if they point at nothing, tell the person that Prelude refused this update.`,
  },
  reserved_profile_key: {
    retryable: false,
    what: (f) =>
      f.writtenKeys?.length
        ? `Prelude reserves ${keys(f)}, so only the other keys were written`
        : f.keys?.length === 1
          ? `Prelude reserves the profile key ${keys(f)}`
          : f.skipped
            ? `Prelude reserves the profile keys ${keys(f)}`
            : `Prelude reserves at least one of the keys ${keys(f)} and does not say which${f.mentionedKey ? `, but its message mentions ${quoteList([f.mentionedKey])}` : ""}`,
    next: (f) =>
      f.writtenKeys?.length
        ? `Tell the person what was saved (${quoteList(f.writtenKeys)}) and what this tool cannot set because Prelude reserves it (${keys(f)}). Do not send the reserved keys again, nor under another spelling.`
        : f.keys?.length === 1 || f.skipped
          ? `Tell the person that this tool cannot set ${keys(f)}, because Prelude reserves it. Do not send it again, nor under another spelling.`
          : 'If saving only some of the keys serves the person, call again with the same arguments and on_reserved_key set to "skip"; if you are not sure, ask first. Do not repeat the identical call.',
  },
  session_disabled: {
    retryable: false,
    what: (f) => `Session management is disabled for ${app(f)} in Prelude`,
    next: () =>
      "Tell the person that nothing was saved and that whoever administers this app in Prelude must enable session management first. Do not repeat the call and do not try another app id.",
  },
  app_not_found: {
    retryable: false,
    what: (f) => `Prelude knows no ${app(f)}`,
    next: (f) =>
      f.appPinned
        ? "Tell the person that the app is fixed by this server's setting PRELUDE_APP_ID and that whoever runs the server must correct it. Repeating the call will not help."
        : "Ask the person to check the app id, and call again with the one they give. Do not guess or try other app ids.",
  },
  user_not_found: {
    retryable: false,
    what: (f) => `${app(f).replace(/^./, (c) => c.toUpperCase())} has no ${user(f)}`,
    next: (f) =>
      f.userPinned
        ? "Tell the person that the user is fixed by this server's setting PRELUDE_USER_ID and that whoever runs the server must correct it. Repeating the call will not help."
        : "Ask the person to check the user id and the app id, and call again with what they give. The id wanted starts with usr_ and is the sub claim of the user's access token (ask for the id, never for the token); it is not an email address, not a phone number and not the token's user_id claim. Do not complete, guess or try other user ids.",
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
      `${f.allowedKeys ? `Only these keys may be written: ${quoteList(f.allowedKeys, 50)}. ` : ""}Leave out the refused keys and call again, or tell the person that whoever runs this server has not permitted them. Do not try other spellings.`,
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
    next: (f) =>
      `${wait(f)}, then repeat the identical call. If you are writing in a loop, stop and tell the person.`,
  },
  confirmation_declined: {
    retryable: false,
    what: () => "The person did not approve this update",
    next: () => "Do not call again on your own. Ask the person what they would like instead.",
  },
  confirmation_unavailable: {
    retryable: false,
    what: (f) =>
      f.cause ??
      "This server must ask the person before each write, and this client cannot show the question",
    next: () =>
      "Tell the person that updates need a client that supports MCP elicitation, or that whoever runs this server must turn PRELUDE_CONFIRM off. Do not repeat the call.",
  },
  audit_unavailable: {
    retryable: true,
    what: () => "This server must record each write in its audit file and cannot write to it",
    next: () =>
      "Tell the person that whoever runs this server must make the file of PRELUDE_AUDIT_LOG writable; after that the identical call is safe to repeat.",
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
    what: () =>
      "The server answered 404 without saying that an app or a user is missing, so its address is probably wrong",
    next: () =>
      "Tell the person that whoever runs this server must check PRELUDE_BASE_URL. Changing app_id or user_id will not help.",
  },
  rate_limited: {
    retryable: true,
    what: () => "Prelude received too many requests",
    next: (f) => `${wait(f)}, then repeat the identical call.`,
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
      `${wait(f)}, then repeat the identical call once; if you cannot wait or it fails again, tell the person that Prelude has a problem.`,
  },
  unexpected_response: {
    retryable: false,
    what: (f) => `The answer did not come from Prelude's API${f.cause ? `: ${f.cause}` : ""}`,
    next: () =>
      "Tell the person that whoever runs this server must check PRELUDE_BASE_URL, and the proxy or the sign-in page of the network. Do not change the arguments.",
  },

  // The network.
  unreachable: {
    retryable: true,
    what: (f) => `Prelude could not be reached${f.cause ? `: ${f.cause}` : ""}`,
    next: (f) =>
      f.advice ??
      "Wait a minute, then repeat the identical call; if it fails again, tell the person that this server has no connection to Prelude.",
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

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(recovery, code);
