/**
 * One deadline for everything that a call waits for. Its signal aborts when the time is up or when
 * `cancelled` aborts, whichever comes first.
 *
 * @param timeoutMs milliseconds from now
 */
export const startDeadline = (cancelled: AbortSignal, timeoutMs: number) => {
  const controller = new AbortController();
  const onCancel = () => controller.abort(cancelled.reason);
  if (cancelled.aborted) onCancel();
  cancelled.addEventListener("abort", onCancel, { once: true });
  const timer = setTimeout(() => controller.abort(new Error("deadline")), timeoutMs);
  return {
    signal: controller.signal,
    /** When it ends, on the clock of `performance.now()`. */
    at: performance.now() + timeoutMs,
    /** Frees timer and listener; to be called when the call is over. */
    stop: () => {
      clearTimeout(timer);
      cancelled.removeEventListener("abort", onCancel);
    },
  };
};

export type Deadline = ReturnType<typeof startDeadline>;
