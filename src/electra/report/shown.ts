/** Numbers as reports show them; what is not there, or is no number, is a dash. */

import type { Where } from '../../workers/index.js'
import { counted } from '../counted.js'

export const none = '–'

const isShown = (x: number | undefined): x is number => x !== undefined && !Number.isNaN(x)

/** A typographic minus, which is as wide as a plus. */
const minus = (text: string): string => text.replace(/^-/, '−')

/** Nothing is `-0.000`. */
const unsigned0 = (text: string): string => (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text)

const finite = (x: number, show: (x: number) => string): string =>
  Number.isFinite(x) ? minus(unsigned0(show(x))) : x > 0 ? '∞' : '−∞'

export const fixed = (x: number | undefined, digits = 4): string =>
  isShown(x) ? finite(x, (v) => v.toFixed(digits)) : none

/** The same, or as a power of ten where so many digits behind the point would leave less than three. */
export const small = (x: number | undefined, digits = 4): string =>
  isShown(x) && x !== 0 && x.toFixed(digits).replace(/^-?0\.0*/, '').length < 3 ? scientific(x, 2) : fixed(x, digits)

/** With its sign, as of a difference. */
export const signed = (x: number | undefined, digits = 4): string => {
  const text = fixed(x, digits)
  return isShown(x) && x > 0 && /[1-9∞]/.test(text) ? `+${text}` : text
}

/** Operations and the like: `1.234e+15`. */
export const scientific = (x: number | undefined, digits = 3): string =>
  isShown(x) ? finite(x, (v) => (v === 0 ? '0' : v.toExponential(digits))) : none

export const whole = (x: number | undefined): string =>
  isShown(x) ? finite(x, (v) => v.toLocaleString('en', { maximumFractionDigits: 0 })) : none

/** As short as tells it from its neighbours: a rate, a seed. */
export const plain = (x: number | undefined): string => (isShown(x) ? finite(x, String) : none)

export const percent = (share: number | undefined, digits = 1): string =>
  isShown(share) ? `${fixed(100 * share, digits)} %` : none

export const pValue = (p: number | undefined): string => (!isShown(p) ? none : p < 0.0001 ? '< 0.0001' : p.toFixed(4))

export const interval = ({ low, high }: { readonly low: number; readonly high: number }, digits = 4): string =>
  Number.isNaN(low) || Number.isNaN(high) ? none : `${signed(low, digits)} to ${signed(high, digits)}`

/** A mean and how far single values lie from it: `0.8123 ± 0.0045`. */
export const spread = (mean: number, deviation: number, digits = 4): string =>
  Number.isNaN(mean) ? none : `${fixed(mean, digits)}${Number.isNaN(deviation) ? '' : ` ± ${fixed(deviation, digits)}`}`

/** `45 s`, `12 min 5 s`, `3 h 20 min` */
export const duration = (seconds: number | undefined): string => {
  if (!isShown(seconds) || seconds === Infinity) return none
  const s = Math.round(seconds)
  const [m, minutes] = [Math.floor(s / 60), Math.round(s / 60)]
  if (s >= 3600) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  return m > 0 ? `${m} min ${s - 60 * m} s` : s < 10 ? `${fixed(seconds, 1)} s` : `${s} s`
}

/** `2 workers on wasm`, `matmul blas`; `4 ranks of 2 workers on wasm`, `matmul blas` */
export const whereFields = ({
  device,
  multiplier,
  workers,
  ranks,
  relaxedSimd,
  precision
}: Where): ReadonlyArray<string> => [
  `${ranks === 1 ? '' : `${counted(ranks, 'rank')} of `}${counted(workers, 'worker')} on ${device}`,
  `matmul ${multiplier}`,
  ...(relaxedSimd ? ['relaxed SIMD'] : []),
  ...(precision === 'mixed' ? ['mixed precision'] : [])
]

/** Where others of a run computed in mixed precision, one that did not says so. */
export const precisionFields = (where: Where, all: ReadonlyArray<Where>): ReadonlyArray<string> =>
  where.precision !== 'mixed' && all.some(({ precision }) => precision === 'mixed') ? ['float32'] : []

/** What came of the scale that losses had in mixed precision. */
export const showLossScale = (
  { last, skipped }: { readonly last: number; readonly skipped: number },
  steps: number
): string => `${last} at the last step; ${skipped} of ${counted(steps, 'step')} skipped`
