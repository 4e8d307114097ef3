/** Steps before the event loop gets a turn. */
const stepsPerTurn = 64;

/**
 * Repeats a step as long as it says that there may be more to do, a few in each turn of the event
 * loop: the answers come later, and only then does it show whether anybody reads them.
 *
 * @param onRest called at the end of each turn
 */
export const createTurns = (step: () => boolean, onRest: () => void) => {
  let scheduled = false;
  const takeTurn = (): void => {
    let left = stepsPerTurn;
    while (left > 0 && step()) left -= 1;
    scheduled = left === 0;
    if (scheduled) setImmediate(takeTurn);
    onRest();
  };
  /** Goes on with what there is, unless that is due anyway. */
  return (): void => {
    if (scheduled) onRest();
    else takeTurn();
  };
};
