import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Binary, Comparison } from '../../../../src/tensor/elementwise.js'
import {
  atom,
  writeBinary,
  writeComparison,
  writeConstant,
  writeUnary,
  type Written
} from '../../../../src/tensor/program/explain/infix.js'

/** An expression as it is written, and its value computed step by step. */
type Both = { readonly written: Written; readonly value: number }

/** Values for which no two groupings agree by chance. */
const variables = { x: Math.SQRT2, y: -Math.PI, z: 1e-3 / 7 }

const arithmetic = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
  rem: (a: number, b: number) => a % b,
  and: (a: number, b: number) => a & b,
  or: (a: number, b: number) => a | b,
  xor: (a: number, b: number) => a ^ b,
  shl: (a: number, b: number) => a << b,
  shr: (a: number, b: number) => a >> b
} satisfies Partial<Record<Binary, (a: number, b: number) => number>>

const relations = {
  lt: (a: number, b: number) => Number(a < b),
  ge: (a: number, b: number) => Number(a >= b),
  eq: (a: number, b: number) => Number(a === b)
} satisfies Partial<Record<Comparison, (a: number, b: number) => number>>

const keys = <K extends string>(table: Readonly<Record<K, unknown>>): ReadonlyArray<K> => Object.keys(table) as Array<K>

const leaf: fc.Arbitrary<Both> = fc.oneof(
  fc.constantFrom(...keys(variables)).map((name) => ({ written: atom(name), value: variables[name] })),
  fc.constantFrom(2, -3, 0.5).map((value) => ({ written: writeConstant('f32', value), value }))
)

/** Mostly of what people write, so that most results depend on every operand. */
const common = fc.constantFrom('add', 'sub', 'mul', 'div', ...keys(arithmetic))

const { expression } = fc.letrec<{ readonly expression: Both }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthSize: 'max' },
    { weight: 1, arbitrary: leaf },
    {
      weight: 6,
      arbitrary: fc.tuple(common, tie('expression'), tie('expression')).map(([fn, a, b]) => ({
        written: writeBinary(fn)(a.written, b.written),
        value: arithmetic[fn](a.value, b.value)
      }))
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(...keys(relations)), tie('expression'), tie('expression'))
        .map(([fn, a, b]) => ({
          written: writeComparison(fn)(a.written, b.written),
          value: relations[fn](a.value, b.value)
        }))
    },
    {
      weight: 1,
      arbitrary: tie('expression').map((a) => ({ written: writeUnary('neg', 'f32', a.written), value: -a.value }))
    },
    {
      weight: 1,
      arbitrary: tie('expression').map((a) => ({ written: writeUnary('not', 'i32', a.written), value: ~a.value }))
    }
  )
}))

const [x, y, z] = ['x', 'y', 'z'].map(atom)
const { add, sub, mul, div, max, and, lt } = {
  ...{ add: writeBinary('add'), sub: writeBinary('sub'), mul: writeBinary('mul'), div: writeBinary('div') },
  ...{ max: writeBinary('max'), and: writeBinary('and'), lt: writeComparison('lt') }
}
const neg = (a: Written): Written => writeUnary('neg', 'f32', a)
const number = (value: number): Written => writeConstant('f32', value)

describe('an expression', () => {
  it.each([
    [add(mul(x, y), z), 'x * y + z'],
    [mul(add(x, y), z), '(x + y) * z'],
    [sub(sub(x, y), z), 'x - y - z'],
    [sub(x, sub(y, z)), 'x - (y - z)'],
    [add(x, add(y, z)), 'x + (y + z)'],
    [div(x, mul(y, z)), 'x / (y * z)'],
    [add(x, number(-2)), 'x - 2'],
    [sub(x, number(-2)), 'x - (-2)'],
    [mul(x, number(-2)), 'x * -2'],
    [neg(mul(x, y)), '-(x * y)'],
    [mul(neg(x), y), '-x * y'],
    [add(x, neg(y)), 'x - y'],
    [add(x, mul(neg(y), z)), 'x + (-y * z)'],
    [max(add(x, y), z), 'max(x + y, z)'],
    [and(lt(x, y), z), '(x < y) & z'],
    [writeUnary('not', 'bool', lt(x, y)), '!(x < y)']
  ])('is written with the parentheses it needs: %#', ({ text }, expected) => {
    expect(text).toBe(expected)
  })

  it('means the same when it is read again', () => {
    fc.assert(
      fc.property(expression, ({ written, value }) => {
        // A bool is a number here: `1 + (x < y)` is in JavaScript too.
        expect(Number(runInNewContext(written.text, variables))).toBe(value)
      }),
      { numRuns: 1000 }
    )
  })
})

describe('a constant', () => {
  it.each([
    [Math.fround(0.1), '0.1'],
    [1 / 0.9, '1.111111'],
    [1e-12, '1e-12'],
    [-10000, '-10000'],
    [4294967295, '4294967295'],
    [-Infinity, '-inf'],
    [NaN, 'nan'],
    [-0, '-0']
  ])('%d is %s', (value, text) => {
    expect(writeConstant('f32', value).text).toBe(text)
  })

  it('of bool is a word', () => {
    expect([0, 1].map((value) => writeConstant('bool', value).text)).toEqual(['false', 'true'])
  })
})
