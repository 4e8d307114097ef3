/** Why a request may not leave. */
export type Held =
  | { code: "too_many_writes" | "too_many_reads"; waitMs: number }
  | { code: "audit_unavailable" }
  /** The server is being stopped. */
  | { code: "stopping" };

/** What is asked about each request of a call right before it leaves. */
export type Gate = {
  /** The call's first one; says why it may not leave, if it may not. */
  first: () => Held | undefined;
  /** A further one: counted, but never refused, so that no profile is left half-written. */
  further: () => void;
};

/** Requests that one call may take, its retries and its search for reserved keys included. */
export const maxRequests = 64;

/** Takes the requests of one call through the gate. */
export const startAdmission = (gate: Gate) => {
  let left = maxRequests;
  let held: Held | undefined;
  return {
    /** Whether the next request may leave; it then counts as sent. */
    admit: (): boolean => {
      if (left === 0) return false;
      if (left === maxRequests) held = gate.first();
      else gate.further();
      if (held !== undefined) return false;
      left -= 1;
      return true;
    },
    /** Why the first one was held, if it was. */
    held: (): Held | undefined => held,
    left: (): number => left,
  };
};

export type Admission = ReturnType<typeof startAdmission>;
