export type Id = string | number;

/** Whether a value may stand as an id or a progress token (MCP: a string or an integer). */
export const isId = (value: unknown): value is Id =>
  typeof value === "string" || Number.isSafeInteger(value);

/**
 * The ids of the client's requests in flight. Inside, each request has a number that none had
 * before: the client may use its id again as soon as the request is cancelled, and the SDK, which
 * handles a cancellation later than the message behind it, would hit the successor. Nor can the SDK
 * cancel an id that is falsy.
 */
export const createIds = () => {
  const innerOf = new Map<Id, number>();
  const outerOf = new Map<number, Id>();
  let last = 0;
  return {
    /** The number of the request in flight that has this id. */
    innerOf: (outer: Id): number | undefined => innerOf.get(outer),
    /** Gives a request its number; no other one may be in flight under this id. */
    open: (outer: Id): number => {
      last += 1;
      innerOf.set(outer, last);
      outerOf.set(last, outer);
      return last;
    },
    /** Ends a request and returns the client's id of it; undefined if it had ended before. */
    close: (inner: number): Id | undefined => {
      const outer = outerOf.get(inner);
      if (outer === undefined) return undefined;
      outerOf.delete(inner);
      innerOf.delete(outer);
      return outer;
    },
    isEmpty: (): boolean => outerOf.size === 0,
    /** The numbers of all requests in flight. */
    all: (): number[] => [...outerOf.keys()],
  };
};

const wireIdOf = (inner: Id): string => `server-${inner}`;

/**
 * The server's own requests that the client has not answered. On the wire they bear names of their
 * own: some clients take the id 0 of the SDK's first one for none.
 */
export const createQuestions = () => {
  const asked = new Map<string, Id>();
  return {
    /** Notes a request that leaves, and returns its id on the wire. */
    ask: (inner: Id): string => {
      const wireId = wireIdOf(inner);
      asked.set(wireId, inner);
      return wireId;
    },
    /** The SDK's id of the request with this id on the wire, which is now answered or withdrawn. */
    close: (wireId: Id): Id | undefined => {
      const inner = asked.get(String(wireId));
      asked.delete(String(wireId));
      return inner;
    },
    wireIdOf,
  };
};
