/** Steps before the event loop gets a turn, in number and in bytes that they handle. */
const stepsPerTurn = 64;
const bytesPerTurn = 64 * 1024;

/**
 * Repeats a step as long as it says that there may be more to do, a few in each turn of the event
 * loop: the answers come later, and only then does it show whether anybody reads them.
 *
 * @param step does something and tells how many bytes it was about; undefined: there is no more to do
 * @param onRest called at the end of each turn
 */
export const createPace = (step: () => number | undefined, onRest: () => void) => {
  let scheduled = false;
  const takeTurn = (): void => {
    let steps = stepsPerTurn;
    let bytes = bytesPerTurn;
    scheduled = false;
    while (!scheduled) {
      const handled = step();
      if (handled === undefined) break;
      steps -= 1;
      bytes -= handled;
      scheduled = steps === 0 || bytes <= 0;
    }
    if (scheduled) setImmediate(takeTurn);
    onRest();
  };
  /** Goes on with what there is, unless that is due anyway. */
  return (): void => {
    if (scheduled) onRest();
    else takeTurn();
  };
};
