import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Data, DType } from '../../src/tensor/dtype.js'
import { literal, peek } from '../../src/tensor/literal.js'
import { bytesOf, fromLiteral, storedFrom, toLiteral, widenBF16, widenF16 } from '../../src/tensor/stored.js'
import type { Stored } from '../../src/tensor/stored.js'

const bits = (data: Stored['data']): ReadonlyArray<number> => [...bytesOf(data)]

const valuesOf = (x: Stored): readonly [DType, Data] => {
  const made = toLiteral(x)
  if (E.isLeft(made)) throw new Error(made.left.found)
  return [made.right.dtype, peek(made.right)]
}

describe('a literal and its stored form', () => {
  it('hold the same bits', () => {
    const dtype = fc.constantFrom('F64', 'F32', 'U32', 'I32')
    fc.assert(
      fc.property(dtype, fc.uint8Array({ minLength: 24, maxLength: 24 }), (d, bytes) => {
        const x = storedFrom(d, d === 'F64' ? [3] : [3, 2], bytes)
        const made = toLiteral(x)
        const back = E.isRight(made) ? fromLiteral(made.right) : undefined
        expect(back).toMatchObject({ dtype: x.dtype, shape: x.shape })
        expect(back && bits(back.data)).toEqual([...bytes])
      })
    )
  })

  it('share no memory', () => {
    const x = literal([2], 'f32', [1, 2])
    fromLiteral(x).data.fill(9 as never)
    expect([...peek(x)]).toEqual([1, 2])
  })
})

describe('a tensor of a file', () => {
  it.each<readonly [Stored, DType, ReadonlyArray<number>]>([
    [{ dtype: 'I64', shape: [2], data: BigInt64Array.of(-(2n ** 31n), 7n) }, 'i32', [-(2 ** 31), 7]],
    [{ dtype: 'U64', shape: [1], data: BigUint64Array.of(2n ** 31n - 1n) }, 'i32', [2 ** 31 - 1]],
    [{ dtype: 'I16', shape: [1], data: Int16Array.of(-3) }, 'i32', [-3]],
    [{ dtype: 'U16', shape: [1], data: Uint16Array.of(65535) }, 'i32', [65535]],
    [{ dtype: 'I8', shape: [], data: Int8Array.of(-128) }, 'i32', [-128]],
    [{ dtype: 'U8', shape: [1], data: Uint8Array.of(255) }, 'i32', [255]],
    [{ dtype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) }, 'bool', [1, 0]],
    [{ dtype: 'F16', shape: [1], data: Uint16Array.of(0x3c00) }, 'f32', [1]],
    [{ dtype: 'BF16', shape: [1], data: Uint16Array.of(0xbf80) }, 'f32', [-1]]
  ])('becomes the dtype that holds it: %o', (x, dtype, values) => {
    const [found, data] = valuesOf(x)
    expect([found, [...data]]).toEqual([dtype, values])
  })

  it.each<Stored>([
    { dtype: 'I64', shape: [2], data: BigInt64Array.of(0n, 2n ** 31n) },
    { dtype: 'I64', shape: [1], data: BigInt64Array.of(-(2n ** 31n) - 1n) },
    { dtype: 'U64', shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
    { dtype: 'BOOL', shape: [1], data: Uint8Array.of(2) }
  ])('that no dtype holds is refused: %o', (x) => {
    expect(toLiteral(x)).toMatchObject(E.left({ _tag: 'Unrepresentable', dtype: x.dtype }))
  })
})

describe('widening', () => {
  it.each([
    ['one', 0x3c00, 1],
    ['minus two', 0xc000, -2],
    ['the largest', 0x7bff, 65504],
    ['the smallest normal', 0x0400, 2 ** -14],
    ['the smallest', 0x0001, 2 ** -24],
    ['minus zero', 0x8000, -0],
    ['infinity', 0xfc00, -Infinity],
    ['not a number', 0x7e00, NaN]
  ])('gives the value of the half that is %s', (_, half, value) => {
    expect([...widenF16(Uint16Array.of(half))]).toEqual([value])
  })

  it('keeps the order of positive halves', () => {
    const all = widenF16(Uint16Array.from({ length: 0x7c01 }, (_, i) => i))
    expect(all.every((x, i) => i === 0 || x > all[i - 1])).toBe(true)
  })

  it('puts the bits of a BF16 in the upper half of a float32', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), (half) => {
        expect(new Uint32Array(widenBF16(Uint16Array.of(half)).buffer)[0]).toBe(half * 0x10000)
      })
    )
  })
})
