/**
 * Rounding as Python does it, and so the published code: to the nearest integer, halves to the even one.
 */

export const roundHalfToEven = (x: number): number => {
  const below = Math.floor(x)
  const rest = x - below
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1
}
