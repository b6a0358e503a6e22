/** How long a given amount of arithmetic lasts. */

/**
 * The most steps that take no more than `budget` operations, where n of them take `n flopsPerStep`; 0 where one takes more. It is
 * the largest n whose own count, rounded as it is, is no more than the budget: so the count of a run is the budget of that run.
 *
 * Both above 0, and the result below 2^53 where it is to be exact.
 */
export const stepsWithin = (budget: number, flopsPerStep: number): number => {
  // The quotient is rounded, too: the true number is at most one off.
  const near = Math.floor(budget / flopsPerStep)
  return [near + 1, near, near - 1].find((steps) => steps * flopsPerStep <= budget) ?? 0
}
