import fc from "fast-check";

/** No case needs longer, not even on a busy machine, in milliseconds. */
const caseMs = 20_000;
/** How long a failing input is made smaller, in milliseconds. */
const shrinkMs = 60_000;

/** Number of inputs: FUZZ_RUNS, for a longer run, or `usual`. */
export const runsOf = (usual: number): number => Number(process.env.FUZZ_RUNS ?? usual);

/**
 * Checks `numRuns` random inputs. Prints the seed; FUZZ_SEED plays the same ones again.
 *
 * @param check rejects for an input that breaks a rule; one that never ends breaks one, too
 * @param reset called after such an input: what was under test is not to be used for the next one
 */
export const fuzz = async <T>(
  name: string,
  numRuns: number,
  input: fc.Arbitrary<T>,
  check: (value: T) => Promise<void>,
  reset: () => void = () => {},
): Promise<void> => {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
  process.stderr.write(`fuzz ${name}: seed ${seed}, ${numRuns} runs\n`);
  let failedAt: number | undefined;
  const bounded = async (value: T): Promise<void> => {
    if (failedAt !== undefined && performance.now() - failedAt > shrinkMs) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${caseMs} ms`)), caseMs);
    });
    try {
      await Promise.race([check(value), late]);
    } catch (error) {
      failedAt ??= performance.now();
      reset();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
  await fc.assert(fc.asyncProperty(input, bounded), { numRuns, seed });
};

/** Damage to a text: at some places, bytes in place of others. */
export const damage = fc.array(
  fc.record({
    at: fc.nat(400),
    cut: fc.nat(6),
    put: fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc
        .constantFrom('"', "{", "}", "\\", ",", "\n", "\ufeff", "\\u0000")
        .map((text) => Buffer.from(text)),
    ),
  }),
  { minLength: 1, maxLength: 4 },
);
type Edit = { at: number; cut: number; put: Uint8Array };

export const damaged = (whole: Uint8Array, edits: readonly Edit[]): Buffer =>
  edits.reduce<Buffer>((bytes, { at, cut, put }) => {
    const from = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]);
  }, Buffer.from(whole));
