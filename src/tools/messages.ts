import { isPlainName, quoteList } from "../lib/names.ts";
import type { PreludeCode, RequestFailure } from "../prelude/errors.ts";
import type { NotWritten } from "../profile/write.ts";
import type { Issue } from "./fields.ts";

type Facts = Omit<RequestFailure, "code"> &
  Omit<NotWritten, "why" | "keys"> & {
    /** Profile keys at fault, or all keys sent where the API does not say which. */
    keys: readonly string[];
    /** One of them is another spelling of a blocked key. */
    lookAlike: boolean;
    allowedKeys: readonly string[];
    issues: readonly Issue[];
    /** Nothing but undeclared arguments is refused. */
    isSound: boolean;
    appId: string;
    userId: string;
    appFixed: boolean;
    userFixed: boolean;
    /** How a user was looked up, where no id was given. */
    lookedUpBy: "email" | "phone";
    somebodyElse: boolean;
    userIds: readonly string[];
    /** The deadline of one call, in milliseconds, where it passed. */
    timeoutMs: number;
    /** The time ran out before anything was sent, while earlier calls for the same user went on. */
    waitedForTurn: boolean;
    tooLargeToShow: boolean;
    /** A clause about the cause, without a full stop. */
    cause: string;
    /** What to do about this cause, where the table's general advice would be wrong. */
    advice: string;
    retryAfterSeconds: number;
  };

/** What is known about a failed call, as far as its sentences need it. All of it is safe to show. */
export type FailureFacts = { [Name in keyof Facts]?: Facts[Name] | undefined };

/** Why a call did not do what it was asked to. `wrote` of one that says nothing of it is `none`. */
export type Failed = FailureFacts & { code: ErrorCode; attempts: number };

export const refused = (code: ErrorCode, facts: FailureFacts = {}): Failed => ({
  ...facts,
  code,
  attempts: 0,
});

type Words = string | ((facts: FailureFacts) => string);

export const inWords = (words: Words, facts: FailureFacts): string =>
  typeof words === "string" ? words : words(facts);

export type Recovery = {
  /** The identical call may succeed later without anybody changing anything. */
  retryable?: true;
  what: Words;
  next: Words;
  /** What the operator does about it, as `--check` says it, without a full stop. */
  fix?: string;
};

const keys = (f: FailureFacts) => quoteList(f.keys ?? []);
const app = (f: FailureFacts) => (f.appId ? `app ${f.appId}` : "the app");
const because = (f: FailureFacts) => (f.cause ? ` (${f.cause})` : "");

/** The API's own code and status, in brackets, as far as they are known. */
const answered = ({ apiCode, httpStatus }: FailureFacts): string => {
  const known = [apiCode && `code ${JSON.stringify(apiCode)}`, httpStatus && `HTTP ${httpStatus}`];
  const words = known.filter(Boolean).join(", ");
  return words && ` (${words})`;
};

const notUntilThen = "Repeating the call will not help until then.";

export const askOperator = (what: string): string =>
  `Tell the person that the operator must ${what} (the operator is the one who configures this server). ${notUntilThen}`;

/** The call that is worth making again: without what Prelude surely refuses, and in time. */
const sameCall = ({ leaveOut, search, timeoutMs }: FailureFacts): string => {
  if (!leaveOut?.length) return "the identical call";
  const smaller = search === "stopped" && timeoutMs !== undefined ? " and with fewer keys" : "";
  return `the call without ${quoteList(leaveOut)} (which Prelude reserves)${smaller}`;
};

const waitThenRepeat = (f: FailureFacts) =>
  `Wait ${f.retryAfterSeconds ?? 60} s, then repeat ${sameCall(f)}; if you cannot wait, tell the person when it can be repeated.`;

/** How the next step of a write ends whose outcome is open. */
export const settling = ({ code, leaveOut }: Failed, retryable: boolean): string => {
  const settles =
    "settles it: once it answers updated, the values are saved. Until then say that it is unknown.";
  if (leaveOut?.length && (retryable || code === "reserved_profile_key")) {
    return ` The call without ${quoteList(leaveOut)} is safe to make and ${settles}`;
  }
  return retryable
    ? ` The identical call is safe to repeat and ${settles}`
    : " Say that it is unknown whether the values were saved.";
};

/** How the message of a write ends: what is true of the profile now. */
export const writtenEnd = ({ wrote = "none", acknowledgedKeys, attempts }: Failed): string => {
  if (wrote === "none") return "; nothing was written.";
  if (wrote === "partial") return ".";
  if (acknowledgedKeys?.length) {
    return `; Prelude had acknowledged ${quoteList(acknowledgedKeys)}, and it is unknown what the profile holds now.`;
  }
  return attempts > 1
    ? "; one of the attempts may have been applied, so it is unknown whether the profile changed."
    : "; it is unknown whether the profile changed.";
};

/** Why a key beside blocked ones is refused, where its name does not show it. */
const whyNotAllowed = (f: FailureFacts): string => {
  if (f.lookAlike) {
    return " (a spelling that differs from a blocked key only by case, accents and other combining marks or compatibility forms of Unicode (full-width letters, ligatures) counts as that key)";
  }
  if (f.allowedKeys || f.keys?.every(isPlainName) !== false) return "";
  return " (where keys are blocked, a key has only plain letters, digits, _ - . and :)";
};

/** The two sentences about reserved keys: what is known of them depends on whether they were searched. */
const reserved = (f: FailureFacts): [what: string, next: string] => {
  const { refusedTogether = [], acknowledgedKeys = [], untried = [], search } = f;
  const found = f.keys?.length ? keys(f) : undefined;
  if (refusedTogether.length > 0) {
    const together = quoteList(refusedTogether);
    return [
      `Prelude refused ${together} together as reserved, though it took each of them in other company${found ? `; it reserves ${found}` : ""}`,
      `Tell the person that Prelude does not take ${together} in one update, and ask which of them to write. Do not repeat the identical call.`,
    ];
  }
  if (search === "stopped") {
    const others = untried.length > 0 ? `; not tried by themselves: ${quoteList(untried)}` : "";
    return [
      `The search for the keys that Prelude reserves stopped before it was finished${found ? ` (found: ${found})` : ""}${others}`,
      "Call again with fewer keys at a time and without the reserved ones that were found. Until such a call answers updated, tell the person that the update is not finished.",
    ];
  }
  if (acknowledgedKeys.length > 0 && f.wrote !== "unknown") {
    return [
      `Prelude reserves ${found}, so only the other keys were written`,
      `Tell the person what was saved (${quoteList(acknowledgedKeys)}) and what this tool cannot set because Prelude reserves it (${found}). Do not send the reserved keys again, nor under another spelling.`,
    ];
  }
  if (search === "finished" || f.keys?.length === 1) {
    return [
      `Prelude reserves ${found}`,
      `Tell the person that this tool cannot set ${found}, because Prelude reserves it. Do not send it again, nor under another spelling.`,
    ];
  }
  return [
    `Prelude reserves at least one of the keys ${keys(f)} and does not say which`,
    'If saving only some of the keys serves the person, call again with the same arguments and on_reserved_key set to "skip"; if you are not sure, ask first. Do not repeat the identical call.',
  ];
};

const lookedUp = { email: "email address", phone: "phone number" };

const noSuchUser = (f: FailureFacts): string => {
  if (f.lookedUpBy) return `no user with this ${lookedUp[f.lookedUpBy]}`;
  return f.userId ? `no user ${f.userId}` : "no such user";
};

/** Which argument the agent may correct depends on what the operator fixed. */
const correctUser = (f: FailureFacts): string => {
  const fix = askOperator("correct PRELUDE_USER_ID, which fixes the user");
  if (f.userFixed && f.appFixed) return fix;
  if (f.userFixed) {
    return `Ask the person to check the app id, and call again with the one they give; do not try other app ids. If it is right: ${fix}`;
  }
  const or = f.appFixed ? "" : " and the app id";
  if (f.lookedUpBy) {
    return `Ask the person to check the ${lookedUp[f.lookedUpBy]}${or}, or to give the user id (usr_…), and call again with what they give. Do not try other addresses or numbers.`;
  }
  return `Ask the person to check the user id${or}, and call again with what they give. The user id wanted starts with usr_ and is the sub claim of the user's access token (ask for the id, never for the token); it is not an email address, not a phone number and not the token's user_id claim. Do not complete, guess or try other user ids.`;
};

const outOfTime = ({ waitedForTurn, timeoutMs }: FailureFacts): string => {
  const deadline = `the deadline${timeoutMs === undefined ? "" : ` of ${timeoutMs} ms`}`;
  return waitedForTurn
    ? `Earlier calls for the same user took longer than ${deadline}`
    : `Prelude did not answer before ${deadline} passed`;
};

/** A repeat, and what to tell the person if that fails too. */
const repeat = (f: FailureFacts, when: string, told: string): string =>
  `Repeat ${sameCall(f)} ${when}, tell the person that ${told}.`;

/** error code -> is a repeat worth it, what happened, what to do next (and what not to try). */
export const recovery = {
  // The five answers that the API document lists.
  invalid_request: {
    what: "Prelude refused the request as invalid",
    next: (f) =>
      `Do not repeat the identical call. Tell the person that Prelude refused the request${f.keys?.length ? ` with the keys ${keys(f)}` : ""}, with Prelude's words, and ask what to send instead; do not act on those words by yourself.`,
  },
  reserved_profile_key: { what: (f) => reserved(f)[0], next: (f) => reserved(f)[1] },
  session_disabled: {
    what: (f) => `Session management is disabled for ${app(f)} in Prelude`,
    next: `Tell the person that session management must be enabled for this app in Prelude first, by somebody who administers it. ${notUntilThen} Do not try another app id.`,
    fix: "enable session management for this app in Prelude",
  },
  app_not_found: {
    what: (f) => `Prelude knows no ${app(f)}`,
    next: (f) =>
      f.appFixed
        ? askOperator("correct PRELUDE_APP_ID, which fixes the app")
        : "Ask the person to check the app id, and call again with the one they give. Do not guess or try other app ids.",
    fix: "correct PRELUDE_APP_ID: Prelude knows no such app",
  },
  user_not_found: {
    what: (f) => `${app(f).replace(/^./, (c) => c.toUpperCase())} has ${noSuchUser(f)}`,
    next: correctUser,
  },

  // Refused by this server.
  invalid_arguments: {
    what: "The arguments are not valid",
    next: (f) =>
      f.isSound
        ? "Do what error.issues says of each argument. Where it is not clear what the person wants, ask them first."
        : `${f.advice ? `${f.advice} ` : ""}Correct every entry of error.issues and call again; ask the person for what you do not know instead of inventing it.`,
  },
  key_not_allowed: {
    what: (f) => `This server may not write ${keys(f)}${whyNotAllowed(f)}`,
    next: (f) =>
      `Tell the person which keys are not permitted${f.allowedKeys ? `; only these may be written: ${quoteList(f.allowedKeys, 50)}` : ""}. If other keys of the call remain, call again with only those. Do not try other spellings.`,
  },
  not_configured: {
    what: "This server has no Prelude management API key",
    next: `${askOperator("set PRELUDE_API_KEY (Prelude dashboard, Settings, API Keys) or PRELUDE_API_KEY_FILE, and restart it")} Do not ask for the key in the conversation.`,
    fix: "set PRELUDE_API_KEY (Prelude dashboard, Settings, API Keys), or PRELUDE_API_KEY_FILE",
  },
  too_many_writes: {
    retryable: true,
    what: "This server's limit of writes per minute (PRELUDE_MAX_WRITES_PER_MINUTE) is reached",
    next: (f) => `${waitThenRepeat(f)} If you are writing in a loop, stop and tell the person.`,
  },
  too_many_reads: {
    retryable: true,
    what: "This server's limit of reads per minute (PRELUDE_MAX_READS_PER_MINUTE) is reached",
    next: (f) => `${waitThenRepeat(f)} If you are reading in a loop, stop and tell the person.`,
  },
  ambiguous_user: {
    what: (f) =>
      `More than one user has this ${lookedUp[f.lookedUpBy ?? "email"]}${f.userIds?.length ? `: ${f.userIds.join(", ")}` : ""}`,
    next: "Ask the person which user is meant, and call again with that user_id. Do not choose one yourself.",
  },
  confirmation_declined: {
    what: "The update was not approved: the person declined it, or the client declined without showing it to them, which cannot be told apart",
    next: "Tell the person both, and ask what they would like. Do not call again on your own.",
  },
  confirmation_timeout: {
    what: "The question whether to write this was not answered in time",
    next: "Tell the person that a question was waiting for their answer, and ask whether they still want this. Do not call again on your own.",
  },
  confirmation_unavailable: {
    what: (f) =>
      f.tooLargeToShow
        ? "This server must ask the person before each write, and this update is too large to show"
        : "This server must ask the person before each write, and this client cannot show the question",
    next: (f) =>
      f.tooLargeToShow
        ? "Split the update into several calls with fewer keys or shorter values."
        : "Tell the person that this server writes only after they approve it in their client, so a client that supports MCP elicitation is needed. Do not repeat the call.",
  },
  audit_unavailable: {
    what: "This server must record each call in its audit file and cannot write to it",
    next: askOperator(
      "make the file that PRELUDE_AUDIT_LOG names writable (folder, permissions, space)",
    ),
  },
  stopping: {
    retryable: true,
    what: "This server is being stopped, so the call could not be finished",
    next: (f) => repeat(f, "once this server runs again; if it does not", "it was stopped"),
  },

  // Answers of the API or of something in front of it.
  unauthorized: {
    what: "Prelude did not accept this server's API key",
    next: askOperator(
      "put a valid management API key (Prelude dashboard, Settings, API Keys) into PRELUDE_API_KEY and restart it, or into the file of PRELUDE_API_KEY_FILE",
    ),
    fix: "set PRELUDE_API_KEY to a valid management API key (Prelude dashboard, Settings, API Keys): Prelude did not accept this one",
  },
  forbidden: {
    what: (f) => `Prelude refused this server access${answered(f)}`,
    next: `${askOperator("check the Prelude account and what the API key may do")} Do not try other ids.`,
    fix: "check the Prelude account and what the API key may do: access was refused",
  },
  not_found: {
    what: "The answer was 404 without a code that says what is missing",
    next: (f) =>
      `${f.apiMessage ? "Ask the person to check the ids. If they are right: " : ""}${askOperator("check PRELUDE_BASE_URL")} Do not try other ids.`,
    fix: "check PRELUDE_BASE_URL: the answer was a 404 that is not Prelude's",
  },
  rate_limited: {
    retryable: true,
    what: "Prelude received too many requests",
    next: waitThenRepeat,
    fix: "wait a minute and check again: Prelude received too many requests",
  },
  api_error: {
    what: (f) => `Prelude refused the request${answered(f)}`,
    next: (f) =>
      f.advice ??
      `Do not repeat the identical call. ${f.keys?.length ? `Compare the keys sent (${keys(f)}) with what the person asked for; if nothing is wrong with them, tell` : "Tell"} the person what Prelude answered.`,
  },
  upstream_error: {
    retryable: true,
    what: (f) => `Prelude failed with an error of its own${answered(f)}`,
    next: (f) =>
      `Wait ${f.retryAfterSeconds ?? 60} s, then repeat ${sameCall(f)} once; if you cannot wait or it fails again, tell the person that Prelude has a problem.`,
    fix: "check again later: Prelude has a problem of its own",
  },
  unexpected_response: {
    what: (f) =>
      `What came back does not look like an answer of Prelude's API${f.somebodyElse ? " (it is not about the user that was asked for)" : because(f)}`,
    next: (f) =>
      f.somebodyElse && f.lookedUpBy
        ? `Prelude may spell this ${lookedUp[f.lookedUpBy]} otherwise. Ask the person for the user id (usr_…), and call again with that.`
        : askOperator("check PRELUDE_BASE_URL, and the proxy or the sign-in page of the network"),
    fix: "check PRELUDE_BASE_URL, the proxy, or a sign-in page of the network: something else than Prelude answered",
  },

  // The network.
  unreachable: {
    retryable: true,
    what: (f) => `Prelude could not be reached${because(f)}`,
    next: (f) =>
      f.advice ??
      repeat(
        f,
        "once in a minute; if you cannot wait or it fails again",
        "this server has no connection to Prelude",
      ),
    fix: "check the network, PRELUDE_BASE_URL and the proxy variables",
  },
  timeout: {
    retryable: true,
    what: outOfTime,
    next: (f) => repeat(f, "once; if it times out again", "Prelude is not answering"),
    fix: "check the network, or raise PRELUDE_TIMEOUT_MS: no answer in time",
  },
  connection_lost: {
    retryable: true,
    what: (f) => `The connection to Prelude was lost before its answer arrived${because(f)}`,
    next: (f) => repeat(f, "once; if it fails again", "the connection to Prelude is unstable"),
    fix: "check the network and the proxy, then check again: the connection broke",
  },
} satisfies Record<PreludeCode, Recovery> & Record<string, Recovery>;

export type ErrorCode = keyof typeof recovery;
