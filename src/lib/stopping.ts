/**
 * What calls hear of the server's end. It has two steps: from `begin` on no call may start to send,
 * and `abort` cuts off those that are still in flight, so that they can say how they ended.
 */
export const createStopping = () => {
  const running = new Set<AbortController>();
  let begun = false;
  let aborted = false;
  return {
    begin: (): void => {
      begun = true;
    },
    abort: (): void => {
      begun = true;
      aborted = true;
      for (const controller of running) controller.abort(new Error("the server is being stopped"));
    },
    hasBegun: (): boolean => begun,
    /** Makes a call with a signal that `cancelled` and `abort` abort. */
    run: async <T>(cancelled: AbortSignal, call: (signal: AbortSignal) => Promise<T>) => {
      // Not AbortSignal.any, which takes ten times as long.
      const controller = new AbortController();
      const cancel = () => controller.abort(cancelled.reason);
      if (cancelled.aborted || aborted) cancel();
      cancelled.addEventListener("abort", cancel, { once: true });
      running.add(controller);
      try {
        return await call(controller.signal);
      } finally {
        running.delete(controller);
      }
    },
  };
};

export type Stopping = ReturnType<typeof createStopping>;
