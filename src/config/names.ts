/** Letters to insert, delete, change or swap with their neighbour between two short names. */
const editDistance = (a: string, b: string): number => {
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, i) => i);
  const at = (row: number[], index: number) => row[index] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = at(old, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? at(older, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(change, swap, at(old, j) + 1, at(row, j - 1) + 1));
    }
    [older, old] = [old, row];
  }
  return at(old, b.length);
};

/** The known name that `name` was probably meant to be: the nearest, at most `most` edits away. */
export const nearest = (name: string, known: readonly string[], most: number) =>
  known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance)[0]?.candidate;

/** Letters that mean a guard wherever they stand in a name -> what to say of it. */
const meanings: readonly [letters: RegExp, hint: string][] = [
  [/SANDBOX/, "the flag --sandbox turns the sandbox on"],
  [/DRYRUN|READONLY/, "did you mean PRELUDE_WRITE?"],
  [/BLOCK|DENY|BLACK|FORBID|(?:DIS|NOT)ALLOW/, "did you mean PRELUDE_BLOCKED_KEYS?"],
  [/ALLOW|WHITE/, "did you mean PRELUDE_ALLOWED_KEYS?"],
  [/CONFIRM|APPROV/, "did you mean PRELUDE_CONFIRM?"],
  [/AUDIT/, "did you mean PRELUDE_AUDIT_LOG?"],
  [/READS|READ.*LIMIT|LIMIT.*READ/, "did you mean PRELUDE_MAX_READS_PER_MINUTE?"],
  [/LIMIT|WRITES/, "did you mean PRELUDE_MAX_WRITES_PER_MINUTE?"],
];

// For a service named prelude-audit, Kubernetes sets these in every container of its namespace.
const serviceLink = /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)\w*)?)$/;

const lettersOf = (name: string): string => name.toUpperCase().replace(/[^A-Z]/g, "");

const isOurs = (name: string): boolean => {
  const [firstWord = ""] = name.toUpperCase().split(/[_-]/);
  return lettersOf(name).startsWith("PRELUDE") || editDistance(firstWord, "PRELUDE") === 1;
};

/**
 * What to say of a variable that is no setting and is meant to be one; undefined where it is somebody
 * else's. A guard under a wrong name would guard nothing.
 */
export const misspelt = (name: string, known: readonly string[]): string | undefined => {
  if (known.includes(name) || serviceLink.test(name) || !isOurs(name)) return undefined;
  const letters = lettersOf(name);
  const near = nearest(letters, known.map(lettersOf), 2);
  const setting = known.find((candidate) => lettersOf(candidate) === near);
  if (setting !== undefined) return `did you mean ${setting}?`;
  return meanings.find(([words]) => words.test(letters))?.[1];
};
