import type { Config } from "../../config/config.ts";
import type { Before } from "../../guards/confirmation.ts";
import type { CallScope } from "../../prelude/client.ts";
import { readProfile } from "../../profile/read.ts";
import type { Write } from "../../profile/write.ts";
import type { Dependencies } from "../dependencies.ts";

// What the server itself reads for a write, where the operator lets profiles be read.

type LookScope = Pick<Dependencies, "config" | "client">;

/** Longest look before a question, in milliseconds; it is asked without if this fails. */
const beforeMs = 5_000;
/** Time that is kept for the look after a lost answer, in milliseconds; at most a fifth of a call's. */
const afterMs = 3_000;

/** The user's profile as it is now, or undefined for whatever reason. The look is a part of its write. */
const look = async (
  { client }: LookScope,
  { appId, userId }: Write,
  cancelled: AbortSignal,
  timeoutMs: number,
): Promise<Readonly<Record<string, unknown>> | undefined> => {
  const scope: CallScope = {
    signal: cancelled,
    deadlineAt: performance.now() + timeoutMs,
  };
  const read = await readProfile(await client(), appId, { by: "user_id", value: userId }, scope);
  return read.kind === "found" ? read.user.profile : undefined;
};

/** What the question to the person shows beside the new values. */
export const lookBefore = async (
  scope: LookScope,
  write: Write,
  cancelled: AbortSignal,
): Promise<Before> => {
  const { read, timeoutMs } = scope.config;
  const profile = await look(scope, write, cancelled, Math.min(beforeMs, timeoutMs));
  if (profile === undefined) return { shows: "nothing" };
  return read === "values"
    ? { shows: "values", profile }
    : { shows: "keys", keys: Object.keys(profile) };
};

/** Time that a write leaves for the look after it, in milliseconds; none where reading is off. */
export const keptMs = ({ read, timeoutMs }: Config): number =>
  read === "off" ? 0 : Math.min(afterMs, Math.floor(timeoutMs / 5));

/** Whether the profile holds every value of a write whose outcome the answers left open. */
export const isWritten = async (
  scope: LookScope,
  write: Write,
  cancelled: AbortSignal,
): Promise<boolean> => {
  const profile = await look(scope, write, cancelled, keptMs(scope.config));
  return (
    profile !== undefined &&
    write.keys.every((key) => Object.hasOwn(profile, key) && profile[key] === write.profile[key])
  );
};
