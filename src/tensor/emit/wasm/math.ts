/**
 * The functions of f32 on four lanes: expanded in line, or called where they are long.
 *
 * They are defined for every f32: subnormal numbers are kept; zeros, with their signs, infinities and NaN are as `run/scalar.ts` has
 * them; and a function with a limit reaches it. `ulps` says how far from the exact value each can be elsewhere.
 */

import type { FloatUnary } from '../../elementwise.js'
import { call, type Callee, type Code, type ModuleDraft, type Scope } from './assembler.js'
import * as f32x4 from './assembler/f32x4.js'
import * as i32x4 from './assembler/i32x4.js'
import * as v128 from './assembler/v128.js'
import { erf } from './math/erf.js'
import { exp, expm1, sigmoid, tanh } from './math/exponential.js'
import { log, log1p, softplus } from './math/logarithm.js'
import { addPower } from './math/power.js'
import { pick, straight } from './math/straight.js'
import { addTrigonometric } from './math/trigonometric.js'

/**
 * Bounds of the errors, in units in the last place of the exact result. What is not
 * here is exact, or rounded correctly.
 */
export const ulps = {
  exp: 1.1,
  expm1: 1.8,
  log: 0.9,
  log1p: 0.9,
  rsqrt: 1.5,
  sin: 1.6,
  cos: 1.6,
  tanh: 2.5,
  erf: 7,
  sigmoid: 2.4,
  softplus: 2,
  pow: 0.6
} as const satisfies Partial<Record<FloatUnary | 'pow', number>>

/** The code of a function of the f32x4 `x`, which is evaluated once. */
type Expansion = (scope: Scope, x: Code) => Code

export type MathLibrary = {
  readonly unary: Readonly<Record<FloatUnary, Expansion>>
  /** `x^y` of each lane. */
  readonly pow: (x: Code, y: Code) => Code
}

/** Of an instruction. */
const alone =
  (instruction: (x: Code) => Code): Expansion =>
  (_, x) =>
    instruction(x)

const sign: Expansion = (scope, x0) =>
  straight(scope, (name) => {
    const x = name(x0)
    const isItsOwn = v128.or(f32x4.eq(x, f32x4.all(0)), f32x4.ne(x, x))
    return pick(isItsOwn, x, v128.or(v128.and(x, i32x4.all(1 << 31)), f32x4.all(1)))
  })

/** For one module: functions that are called are added to it at their first use. */
export const mathLibrary = (draft: ModuleDraft): MathLibrary => {
  const once = <A>(make: (draft: ModuleDraft) => A): (() => A) => {
    let made: { readonly value: A } | undefined
    return () => (made ??= { value: make(draft) }).value
  }
  const trigonometric = once(addTrigonometric)
  const power: () => Callee = once(addPower)

  return {
    pow: (x, y) => call(power(), x, y),
    unary: {
      neg: alone(f32x4.neg),
      abs: alone(f32x4.abs),
      floor: alone(f32x4.floor),
      sqrt: alone(f32x4.sqrt),
      rsqrt: (_, x) => f32x4.div(f32x4.all(1), f32x4.sqrt(x)),
      sign,
      exp,
      expm1,
      log,
      log1p,
      sin: (_, x) => call(trigonometric().sin, x),
      cos: (_, x) => call(trigonometric().cos, x),
      tanh,
      erf,
      sigmoid,
      softplus
    }
  }
}
