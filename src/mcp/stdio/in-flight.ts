/** Requests handled at a time, in number and in bytes of their lines; more are refused. */
const maxRequests = 2_000;
const maxBytes = 64 * 1024 * 1024;

type RpcError = { code: number; message: string };

/**
 * The requests that are being handled, by id. Bounded, so that a client that only ever asks cannot
 * fill the memory.
 */
export const createInFlight = () => {
  const bytesOf = new Map<unknown, number>();
  let total = 0;
  return {
    /** Takes a request in, whose line has so many bytes; or says why not, as a JSON-RPC error. */
    enter: (id: unknown, bytes: number): RpcError | undefined => {
      if (bytesOf.has(id)) {
        const message = "Invalid request: another request with this id is in flight";
        return { code: -32600, message };
      }
      if (bytesOf.size >= maxRequests || total + bytes > maxBytes) {
        return { code: -32000, message: "Too many requests in flight; this one was not handled" };
      }
      bytesOf.set(id, bytes);
      total += bytes;
      return undefined;
    },
    /** The request was answered or cancelled. */
    leave: (id: unknown): void => {
      total -= bytesOf.get(id) ?? 0;
      bytesOf.delete(id);
    },
    isEmpty: (): boolean => bytesOf.size === 0,
  };
};
