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
  let endsAt = 0;
  let timer: NodeJS.Timeout | undefined;
  const pause = () => clearTimeout(timer);
  const restart = () => {
    pause();
    endsAt = performance.now() + timeoutMs;
    timer = setTimeout(() => controller.abort(new Error("deadline")), timeoutMs);
  };
  restart();
  return {
    signal: controller.signal,
    /** On the clock of `performance.now()`. */
    at: (): number => endsAt,
    /** Stops the clock, for as long as a person is asked. */
    pause,
    restart,
    /** Frees timer and listener; to be called when the call is over. */
    stop: () => {
      pause();
      cancelled.removeEventListener("abort", onCancel);
    },
  };
};

export type Deadline = ReturnType<typeof startDeadline>;
