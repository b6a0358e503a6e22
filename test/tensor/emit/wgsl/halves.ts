/**
 * float16 by arithmetic: what a number is rounded to, and how it lies in memory. Of the nearest two the even one; infinity from 65520 on.
 */

const unitOf = (size: number): number => 2 ** (Math.max(-14, Math.floor(Math.log2(size))) - 10)

/** Exact for every f32. */
export const roundedToHalf = (x: number): number => {
  const size = Math.abs(x)
  if (!Number.isFinite(x) || size === 0) return x
  const unit = unitOf(size)
  const below = Math.floor(size / unit)
  const rest = size / unit - below
  const nearest = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
  const rounded = nearest * unit
  return Math.sign(x) * (rounded > 65_504 ? Infinity : rounded)
}

/** The bits of a number that f16 has. */
export const bitsOfHalf = (x: number): number => {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0
  const size = Math.abs(x)
  if (Number.isNaN(x)) return 0x7e00
  if (size === Infinity) return sign | 0x7c00
  const unit = unitOf(size)
  // A number below 2^-14 has no leading bit, which is what the exponent 1 would be added for.
  return sign | (size / unit + 1024 * (Math.log2(unit) + 24))
}

export const halfOfBits = (bits: number): number => {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? (sign * fraction) / 2 ** 24 : sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
}

/** Arrays as they are stored, of numbers that are rounded to f16 first. */
export const asHalves = (numbers: ArrayLike<number>): Uint16Array =>
  Uint16Array.from(numbers, (x) => bitsOfHalf(roundedToHalf(x)))
