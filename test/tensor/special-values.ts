/**
 * The f32 where functions change their ways, and what it means that a device has them right there.
 */

/** The largest f32 that is finite. */
export const largest = (2 - 2 ** -23) * 2 ** 127

/** The least positive f32 with all its bits, the largest without, and the least of all. */
const [normal, subnormal, least] = [2 ** -126, 2 ** -126 - 2 ** -149, 2 ** -149]

/** The f32 beside a positive one. */
const beside = (x: number): readonly [below: number, above: number] => {
  const bits = new Uint32Array(Float32Array.of(x).buffer)[0]
  const [below, above] = new Float32Array(Uint32Array.of(bits - 1, bits + 1).buffer)
  return [below, above]
}

/** Where some function is at an end of its domain or its range, has a kink, or is computed in another way. */
const edges = [
  1,
  2,
  3,
  0.5,
  0.25,
  Math.PI / 2,
  Math.PI,
  Math.SQRT1_2,
  Math.SQRT2,
  2 ** -12,
  2 ** -24,
  3.5,
  3.8325068,
  3.9192059,
  5.5,
  9.01,
  10,
  16.635532,
  17,
  17.328679,
  18,
  30,
  88.72283,
  87.33655,
  89,
  103.27893,
  103.97207,
  104,
  2 ** 20,
  2 ** 23,
  2 ** 24,
  2 ** 31,
  2 ** 32
].map(Math.fround)

const positive = [
  0,
  least,
  subnormal,
  normal,
  ...edges.flatMap((x) => [x, ...beside(x)]),
  Math.fround(1e30),
  largest,
  Infinity
]

/** Both signs of all of them, and NaN. */
export const specials: ReadonlyArray<number> = [...new Set(positive)].flatMap((x) => [x, -x]).concat(NaN)

/** Those that there is one of each kind of: for all pairs. */
export const fewSpecials: ReadonlyArray<number> = [
  0,
  least,
  subnormal,
  normal,
  0.5,
  1,
  2,
  3,
  5.5,
  31,
  32,
  2 ** 24,
  2 ** 31,
  Math.fround(1e30),
  largest,
  Infinity
]
  .flatMap((x) => [x, -x])
  .concat(beside(1), NaN)

/** The distance of neighbouring f32 near a number. */
export const unitOf = (exact: number): number => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(exact)))) - 23)

/**
 * Whether `found`, an f32, is what a device may make of `exact`, a double: NaN for NaN, an infinity for an infinity and for what
 * rounds to one, a zero of the right sign for a zero and for what rounds to one; and else within `ulps`, 0 where it must be rounded
 * correctly. A distance alone would let a special value pass for its neighbour.
 */
export const isRight = (found: number, exact: number, ulps: number): boolean => {
  const rounded = Math.fround(exact)
  if (Object.is(found, rounded)) return true
  if (ulps === 0 || !Number.isFinite(rounded) || rounded === 0 || !Number.isFinite(found) || found === 0) return false
  return Math.abs(found - exact) <= ulps * unitOf(exact)
}
