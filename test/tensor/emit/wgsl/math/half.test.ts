import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { range } from '../../../../../src/tensor/range.js'
import { itOnWebGpu } from '../../../run/multipliers/webgpu.js'
import { evaluator, type Evaluator, type Expression } from '../evaluate.js'
import { bitsOfHalf, halfOfBits, roundedToHalf } from '../halves.js'

const half: Expression = { operands: ['f32'], result: 'f32', print: (x) => `pe_half(${x})` }

let made: Promise<Evaluator> | undefined

const rounded = async (numbers: ReadonlyArray<number>): Promise<ReadonlyArray<number>> => {
  const words = new Uint32Array(Float32Array.from(numbers).buffer)
  const [found] = await (await (made ??= evaluator())).evaluate([half], [words])
  return [...new Float32Array(Uint32Array.from(found).buffer)]
}

/** That numbers are rounded as wanted, zeros with their signs; the first that is not is told. */
const expectRounded = async (numbers: ReadonlyArray<number>, wanted: ReadonlyArray<number>): Promise<void> => {
  const found = await rounded(numbers)
  const wrong = wanted.findIndex((y, i) => !Object.is(y, found[i]))
  if (wrong >= 0) expect(`${numbers[wrong]} is ${found[wrong]}`).toBe(String(wanted[wrong]))
}

afterAll(async () => (await made)?.release())

/** All float16 numbers that are there, NaN aside. */
const halves = range(2 ** 16)
  .map(halfOfBits)
  .filter((x) => !Number.isNaN(x))

describe('float16 by arithmetic', () => {
  it('is itself, as bits and as a number', () => {
    expect(halves.map(roundedToHalf)).toEqual(halves)
    expect(halves.map((x) => halfOfBits(bitsOfHalf(x)))).toEqual(halves)
  })

  it('is no farther from a number than any other', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -65504, max: 65504 }), fc.nat(halves.length - 1), (x, k) => {
        expect(Math.abs(x - roundedToHalf(x))).toBeLessThanOrEqual(Math.abs(x - halves[k]))
      })
    )
  })
})

describe('pe_half', () => {
  itOnWebGpu('leaves every float16 number as it is', async () => {
    await expectRounded(halves, halves)
  })

  itOnWebGpu('is the nearest around every float16 number and between any two, of two the even one', async () => {
    const next = (x: number, steps: number): number => {
      const words = new Uint32Array(Float32Array.of(x).buffer)
      words[0] += steps
      return new Float32Array(words.buffer)[0]
    }
    const positive = [...halves.filter((x) => x > 0 && x < Infinity), 65_536]
    const around = positive.flatMap((x, i) => {
      const middle = ((i === 0 ? 0 : positive[i - 1]) + x) / 2
      return [next(x, -1), next(x, 1), next(middle, -1), middle, next(middle, 1)]
    })
    const all = [...around, ...around.map((x) => -x)]
    await expectRounded(all, all.map(roundedToHalf))
  })

  itOnWebGpu('is right of what is special', async () => {
    const list: ReadonlyArray<readonly [number, number]> = [
      [Infinity, Infinity],
      [-Infinity, -Infinity],
      [NaN, NaN],
      [0, 0],
      [-0, -0],
      [65_504, 65_504],
      [65_519.99, 65_504],
      [65_520, Infinity],
      [-65_519.99, -65_504],
      [-65_520, -Infinity],
      [3e38, Infinity],
      [2 ** -24, 2 ** -24],
      [-(2 ** -24), -(2 ** -24)],
      [2 ** -25, 0],
      [-(2 ** -25), -0],
      [1.5 * 2 ** -25, 2 ** -24],
      [2 ** -126, 0],
      [2 ** -149, 0],
      [1 + 2 ** -11, 1],
      [1 + 3 * 2 ** -11, 1 + 2 ** -9]
    ]
    await expectRounded(
      list.map(([x]) => x),
      list.map(([, y]) => y)
    )
  })

  itOnWebGpu('is the nearest of any number', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.float({ noNaN: true }), { minLength: 1000, maxLength: 1000 }), async (numbers) => {
        await expectRounded(numbers, numbers.map(roundedToHalf))
      }),
      { numRuns: 10 }
    )
  })
})
