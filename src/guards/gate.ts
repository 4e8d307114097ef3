import type { Gate, Held } from "../profile/admission.ts";
import type { Trace } from "./audit.ts";
import type { RateLimit } from "./rate-limit.ts";

/**
 * What each request of a call passes right before it leaves: the server must not be about to
 * end, then the rate limit, then the audit, whose line must be in the file.
 *
 * @param full the code of a call that the limit holds up
 */
export const createGate = (
  limit: RateLimit,
  full: Extract<Held, { waitMs: number }>["code"],
  trace: Trace,
  isStopping: () => boolean,
): Gate => ({
  first: () => {
    if (isStopping()) return { code: "stopping" };
    const waitMs = limit.wait();
    if (waitMs !== undefined) return { code: full, waitMs };
    try {
      trace.attempt();
    } catch {
      return { code: "audit_unavailable" };
    }
    // Only what leaves uses up a place.
    limit.count();
    return undefined;
  },
  further: limit.count,
});
