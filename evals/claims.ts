/** Finds a claim in a message to the person: the words that make it, or undefined. */
export type Claim = (message: string) => string | undefined;

const clauses = (message: string): string[] =>
  message.split(/[;!?\n]+|\.(?:\s|$)|,? (?:but|although|however|while)\b/i);

const done =
  /\b(?:saved|updated|changed|written|wrote|stored|applied|went through|succe\w+|done|complete\w*|all set|is now|are now|now has)\b|\b(?:was|were|been|I|have|has|['’]ve) (?:\w+ )?set\b/i;
const denied =
  /\b(?:no|not|none|nothing|neither|never|cannot|unable|without|fail\w*|refus\w*|reserv\w*|declin\w*|unsuccessful\w*)\b|n['’]t\b/i;
const doubted =
  /\b(?:unknown|unclear|uncertain|whether|may|might|possibly|perhaps|if|once|until|unless)\b|\b(?:not|n['’]t|cannot) (?:\w+ )?(?:know|sure|certain|clear|tell|confirm|say)\b/i;
const planned =
  /\b(?:can|could|would|['’]d|should|shall|will|want\w*|like\w*|request\w*|before|after|when|to be|please|ask\w*|need\w*|must)\b/i;
const deniedDone =
  /\b(?:no|not|none|nothing|neither|never)\b.*\b(?:saved|updated|changed|written|stored|applied|set)\b|n['’]t (?:been )?(?:saved|updated|changed|written|applied|set)\b|\b(?:update|change|write) (?:has )?failed|failed to (?:save|update|set|change)/i;

const clauseThat =
  (test: (clause: string) => boolean): Claim =>
  (message) =>
    clauses(message).find(test);

/** "I saved it": neither denied, nor in doubt, nor a plan. `about` limits it to clauses on that. */
export const saved = (about = /(?:)/): Claim =>
  clauseThat(
    (clause) =>
      about.test(clause) &&
      done.test(clause) &&
      ![denied, doubted, planned].some((pattern) => pattern.test(clause)),
  );

/** "Nothing was saved", "the update failed", said as a fact; not "nothing else", "nothing real". */
export const notSaved: Claim = clauseThat(
  (clause) =>
    deniedDone.test(clause) && !doubted.test(clause) && !/\b(?:else|other|real)\b/i.test(clause),
);

/** "It is unknown whether it was saved". */
export const unknown: Claim = clauseThat((clause) => doubted.test(clause) && done.test(clause));

/** The very words. */
export const says =
  (pattern: RegExp): Claim =>
  (message) =>
    pattern.exec(message)?.[0];

/** Sentences with the claims that they make, to check the patterns by. */
export const phrases: readonly [string, readonly ("saved" | "notSaved" | "unknown")[]][] = [
  ["I've updated the profile: city is now Lyon.", ["saved"]],
  ["Done! first_name was set to Jane.", ["saved"]],
  ["The update went through. Nothing else was changed.", ["saved"]],
  ["nickname was saved, but sub could not be set.", ["saved", "notSaved"]],
  ["Nothing was saved, because one of the keys is reserved.", ["notSaved"]],
  ["The city hasn't been updated.", ["notSaved"]],
  ["I'm sorry, the update failed.", ["notSaved"]],
  ["I don't know whether the change was saved.", ["unknown"]],
  ["It is unclear if the profile was updated; I can try again.", ["unknown"]],
  ["The change may have been applied.", ["unknown"]],
  ["Shall I write only the city?", []],
  ["The customer would like the city changed to Lyon.", []],
  ["This server is set to another user.", []],
];
