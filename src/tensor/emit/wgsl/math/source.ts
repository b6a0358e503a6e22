/**
 * Functions written in WGSL, as text under their names, and the numbers in that text.
 *
 * They assume of a device only what all keep: integer arithmetic and bits are exact; `+`, `-`, `*` and the conversion of integers below
 * 2^24 are rounded correctly, fused or not, though subnormal operands and results may be flushed to zero; `/` is good to 2.5 units.
 * Drivers apply algebra: `(x + c) - c` is `x` to them, `x != x` false, and `n a + n b` is `n (a + b)`. So what must survive goes
 * through integers: NaN and infinity are found by their bits, leading parts are cut off by masks, and where a number is multiplied
 * by a constant in two parts, the second product is one of integers.
 */

/** Functions by name; the text of each is its whole declaration. */
export type Functions = Readonly<Record<`pe_${string}`, string>>

/** A normal f32 or 0, as a literal. */
export const float = (x: number): string => `${x}f`

/** The bits of an f32, as a literal. */
export const bitsOf = (x: number): string => word(new Uint32Array(Float32Array.of(x).buffer)[0])

export const word = (x: number): string => `0x${(x >>> 0).toString(16)}u`

/** `c0 + c1 x + c2 x^2 + ...` by Horner's scheme, `x` a name. */
export const polynomial = (x: string, [first, ...rest]: ReadonlyArray<number>): string =>
  rest.length === 0 ? float(first) : `(${float(first)} + ${x} * ${polynomial(x, rest)})`
