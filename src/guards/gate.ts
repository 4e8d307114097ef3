import { maxRequests } from "../lib/contract.ts";
import type { Gate, Held } from "../profile/write.ts";
import type { Trace } from "./audit.ts";
import type { RateLimit } from "./rate-limit.ts";

/**
 * What the requests of one call pass right before they leave. Those behind the first are not refused
 * before there are too many, so that no profile is left half-written.
 *
 * @param full the code of a call that the limit holds up
 */
export const createGate = (
  limit: RateLimit,
  full: Extract<Held, { waitMs: number }>["code"],
  trace: Trace,
  isStopping: () => boolean,
): Gate => {
  let left = maxRequests;
  let held: Held | undefined;

  const holdFirst = (): Held | undefined => {
    if (isStopping()) return { code: "stopping" };
    const waitMs = limit.wait();
    if (waitMs !== undefined) return { code: full, waitMs };
    try {
      trace.attempt();
    } catch {
      return { code: "audit_unavailable" };
    }
    // Only what leaves uses up a place.
    limit.take();
    return undefined;
  };

  return {
    admit: () => {
      if (left === 0) return false;
      if (left === maxRequests) held = holdFirst();
      if (held !== undefined) return false;
      left -= 1;
      return true;
    },
    held: () => held,
    left: () => left,
  };
};
