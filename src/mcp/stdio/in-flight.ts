/** Requests handled at a time, in number and in bytes that they hold; more are refused. */
const maxRequests = 2_000;
const maxBytes = 64 * 1024 * 1024;

/** What the requests of one line hold together, in bytes, and how many of them are in flight. */
export type Charge = { bytes: number; open: number };

/**
 * The memory that requests hold while they are being handled, bounded, so that a client that only
 * ever asks cannot fill it. The requests of a batch share one charge, for as long as one of them is
 * in flight: which of them holds how much of the line is not known.
 */
export const createInFlight = () => {
  const charges = new Map<number, Charge>();
  let total = 0;
  return {
    /** Whether another request of this line may be handled. */
    hasRoom: ({ bytes, open }: Charge): boolean =>
      charges.size < maxRequests && (open > 0 || total + bytes <= maxBytes),
    enter: (id: number, charge: Charge): void => {
      charges.set(id, charge);
      if (charge.open === 0) total += charge.bytes;
      charge.open += 1;
    },
    leave: (id: number): void => {
      const charge = charges.get(id);
      if (!charge) return;
      charges.delete(id);
      charge.open -= 1;
      if (charge.open === 0) total -= charge.bytes;
    },
  };
};
