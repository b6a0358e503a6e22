/**
 * Library functions on the host, with the arithmetic of a device that may not be at hand: one that fuses multiplications with
 * additions, or whose divisions and roots are inexact.
 */

import { library } from '../../../../src/tensor/emit/wgsl/scalar.js'
import { declarations, type Declaration, type Expr } from './parse.js'

export type Arithmetic = {
  readonly isFused: boolean
  /** What becomes of a correctly rounded quotient or root. */
  readonly inexact: (x: number) => number
}

type Value = number | boolean | ReadonlyArray<number>
type Frame = Array<Value>
/** The value of an expression, of those of the names. */
type Typed = { readonly type: string; readonly of: (frame: Frame) => Value }
type Scope = ReadonlyMap<string, { readonly type: string; readonly at: number }>
type Defined = { readonly result: string; readonly apply: (...args: ReadonlyArray<Value>) => Value }

const view = new DataView(new ArrayBuffer(4))

const bitcast = (to: string, from: string, x: number): number => {
  if (from === 'f32') view.setFloat32(0, x)
  else view.setUint32(0, x)
  return to === 'f32' ? view.getFloat32(0) : to === 'i32' ? view.getInt32(0) : view.getUint32(0)
}

const wrapped: Readonly<Record<string, (x: number) => number>> = { f32: Math.fround, u32: (x) => x >>> 0 }
const wrap = (type: string, x: number): number => (wrapped[type] ?? ((y: number) => y | 0))(x)

const comparisons: Readonly<Record<string, (x: Value, y: Value) => boolean>> = {
  '==': (x, y) => x === y,
  '!=': (x, y) => x !== y,
  '<': (x, y) => x < y,
  '>': (x, y) => x > y,
  '<=': (x, y) => x <= y,
  '>=': (x, y) => x >= y,
  '&&': (x, y) => x === true && y === true,
  '||': (x, y) => x === true || y === true
}

const integers: Readonly<Record<string, (x: number, y: number) => number>> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': Math.imul,
  '/': (x, y) => Math.trunc(x / y),
  '%': (x, y) => x % y,
  '&': (x, y) => x & y,
  '|': (x, y) => x | y,
  '^': (x, y) => x ^ y,
  '<<': (x, y) => x << y,
  '>>': (x, y) => (x < 0 ? x >> y : x >>> y)
}

const floats: Readonly<Record<string, (x: number, y: number) => number>> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y,
  '/': (x, y) => x / y
}

const builtins: Readonly<Record<string, (...args: ReadonlyArray<number>) => number>> = {
  min: Math.min,
  max: Math.max,
  abs: Math.abs,
  floor: Math.floor,
  clamp: (x, low, high) => Math.min(Math.max(x, low), high),
  countLeadingZeros: Math.clz32
}

/** WGSL saturates. */
const toInteger = (x: number): number => (x >= -(2 ** 31) && x < 2 ** 31 ? Math.trunc(x) : 0)

/** The type of what an operator joins: literals take that of the other side. */
const common = (...parts: ReadonlyArray<Typed>): string => parts.find(({ type }) => type !== 'any')?.type ?? 'any'

const isProduct = (e: Expr): e is Extract<Expr, { _tag: 'binary' }> => e._tag === 'binary' && e.op === '*'

const expression = (
  arithmetic: Arithmetic,
  known: ReadonlyMap<string, Defined>,
  scope: Scope
): ((e: Expr) => Typed) => {
  const binary = (op: string, left: Expr, right: Expr): Typed => {
    const [x, y] = [of(left), of(right)]
    const type = common(x, y)
    const compare = comparisons[op]
    if (op in comparisons) return { type: 'bool', of: (f) => compare(x.of(f), y.of(f)) }
    if (type !== 'f32') {
      const apply = integers[op]
      const shiftOf = op === '<<' || op === '>>' ? x.type : type
      return { type: shiftOf, of: (f) => wrap(shiftOf, apply(x.of(f) as number, y.of(f) as number)) }
    }
    if (op === '/')
      return { type, of: (f) => arithmetic.inexact(Math.fround((x.of(f) as number) / (y.of(f) as number))) }
    // Products of two f32 are exact in double precision.
    const whole = (e: Expr, rounded: Typed): Typed => {
      if (!arithmetic.isFused || op === '*' || !isProduct(e)) return rounded
      const [a, b] = [of(e.left), of(e.right)]
      return { type, of: (f) => (a.of(f) as number) * (b.of(f) as number) }
    }
    const second = whole(right, y)
    const first = second === y ? whole(left, x) : x
    const apply = floats[op]
    return { type, of: (f) => Math.fround(apply(first.of(f) as number, second.of(f) as number)) }
  }

  const call = (name: string, args: ReadonlyArray<Typed>): Typed => {
    const [x, y, z] = args
    const number = (f: Frame): number => x.of(f) as number
    const cast = /^bitcast<(\w+)>$/.exec(name)
    const defined = known.get(name)
    if (defined !== undefined)
      return { type: defined.result, of: (f) => defined.apply(...args.map((arg) => arg.of(f))) }
    if (cast !== null) return { type: cast[1], of: (f) => bitcast(cast[1], x.type, number(f)) }
    if (/^(vec2|array)</.test(name)) return { type: name, of: (f) => args.map((arg) => arg.of(f) as number) }
    if (name === 'select') return { type: common(x, y), of: (f) => (z.of(f) === true ? y : x).of(f) }
    if (name === 'f32') return { type: name, of: (f) => Math.fround(number(f)) }
    if (name === 'i32' || name === 'u32')
      return { type: name, of: (f) => wrap(name, x.type === 'f32' ? toInteger(number(f)) : number(f)) }
    if (name === 'sqrt') return { type: 'f32', of: (f) => arithmetic.inexact(Math.fround(Math.sqrt(number(f)))) }
    const builtin = builtins[name]
    if (!(name in builtins)) throw new Error(`${name} is not known`)
    return { type: common(...args), of: (f) => builtin(...args.map((arg) => arg.of(f) as number)) }
  }

  const of = (e: Expr): Typed => {
    switch (e._tag) {
      case 'literal':
        return { type: e.type, of: () => e.value }
      case 'name': {
        const found = scope.get(e.name)
        if (found === undefined) throw new Error(`${e.name} is not declared`)
        return { type: found.type, of: (f) => f[found.at] }
      }
      case 'call':
        return call(e.name, e.args.map(of))
      case 'binary':
        return binary(e.op, e.left, e.right)
      case 'unary': {
        const x = of(e.x)
        if (e.op === '!') return { type: 'bool', of: (f) => x.of(f) !== true }
        if (e.op === '~') return { type: x.type, of: (f) => wrap(x.type, ~(x.of(f) as number)) }
        return { type: x.type, of: (f) => wrap(x.type, -(x.of(f) as number)) }
      }
      case 'member':
      case 'element': {
        const x = of(e.x)
        const at = e._tag === 'member' ? { of: () => e.at } : of(e.at)
        const [, type] = /<(\w+)/.exec(x.type) ?? ['', 'none']
        return { type, of: (f) => (x.of(f) as ReadonlyArray<number>)[at.of(f) as number] }
      }
    }
  }
  return of
}

const define = (arithmetic: Arithmetic, known: ReadonlyMap<string, Defined>, declared: Declaration): Defined => {
  const scope = new Map(declared.params.map(([name, type], at) => [name, { type, at }]))
  const steps = declared.lets.map(([name, value]) => {
    const typed = expression(arithmetic, known, scope)(value)
    scope.set(name, { type: typed.type, at: scope.size })
    return typed.of
  })
  const result = expression(arithmetic, known, scope)(declared.value).of
  return {
    result: declared.result,
    apply: (...args) => {
      const frame = [...args]
      for (const step of steps) frame.push(step(frame))
      return result(frame)
    }
  }
}

const same = (x: number): number => x

/** As most software adapters have it. */
export const plain: Arithmetic = { isFused: false, inexact: same }

/** A function of the library. */
export const interpret = (name: string, arithmetic: Arithmetic): ((...args: ReadonlyArray<number>) => number) => {
  const known = new Map<string, Defined>()
  for (const declared of declarations(library(`${name}()`)))
    known.set(declared.name, define(arithmetic, known, declared))
  const found = known.get(name)
  if (found === undefined) throw new Error(`${name} is not in the library`)
  return (...args) => found.apply(...args) as number
}
