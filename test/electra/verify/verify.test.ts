import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareArrays, verify, type Verification } from '../../../src/electra/verify/verify.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import type { Device } from '../../../src/tensor/run/device.js'
import type { NamedStored } from '../../../src/tensor/stored.js'
import { rightOf } from '../data/right.js'
import { bytesOf, goldenNames, rewritten } from './golden.js'

const devices: ReadonlyArray<readonly [string, Device]> = [
  ['the reference device in float64', reference({ floats: 'float64' })],
  ['the reference device in float32', reference({ floats: 'float32' })],
  ['the wasm device', wasm()]
]

const failing = ({ comparisons }: Verification): ReadonlyArray<string> =>
  comparisons.filter((c) => !c.passes).map((c) => c.name)

describe.each(goldenNames)('the golden step %s', (name) => {
  it.each(devices)('is ours on %s, every number of it', async (_, device) => {
    const verified = await rightOf(verify(device)(bytesOf(name)))
    expect(failing(verified)).toEqual([])
    expect(verified.passes).toBe(true)
    expect(verified.comparisons.length).toBeGreaterThan(100)
    expect(new Set(verified.comparisons.map((c) => c.name)).size).toBe(verified.comparisons.length)
  })
})

describe('a golden file with altered numbers', () => {
  const golden = bytesOf('electra_c')
  const device = wasm()

  /** One number of the tensor moved by more than any tolerance: by 10, times its size where that is more. */
  const altered = (x: NamedStored, at: number): NamedStored => {
    const i = at % x.data.length
    if (x.dtype === 'F32')
      return { ...x, data: x.data.map((v, j) => (j === i ? v + 10 * Math.max(1, Math.abs(v)) : v)) }
    if (x.dtype === 'I32') return { ...x, data: x.data.map((v, j) => (j === i ? v + 1 : v)) }
    throw new Error(`${x.name} is of ${x.dtype}`)
  }

  it('fails, naming the tensors that hold them and no others', async () => {
    const { comparisons } = await rightOf(verify(device)(golden))
    // Samples are also what is written over the tokens: altering those alters the step itself.
    const results = comparisons.map((c) => c.name).filter((name) => name !== 'inputs.sampled_ids')
    await fc.assert(
      fc.asyncProperty(fc.subarray([...results], { minLength: 1, maxLength: 6 }), fc.nat(), async (names, at) => {
        const file = rewritten(golden, (x) => [names.includes(x.name) ? altered(x, at) : x])
        const verified = await rightOf(verify(device)(file))
        expect([...failing(verified)].sort()).toEqual([...names].sort())
        expect(verified.passes).toBe(false)
      }),
      { numRuns: 8 }
    )
  })

  it('fails where one weight is another', async () => {
    const weight = 'discriminator.electra.encoder.layer.0.intermediate.dense.weight'
    const file = rewritten(golden, (x) => [x.name === weight ? altered(x, 7) : x])
    const names = failing(await rightOf(verify(device)(file)))
    expect(names).toContain('outputs.f32.disc_loss')
    expect(names).not.toContain('outputs.f32.mlm_loss')
  })

  it('fails where a result is not a number', async () => {
    const name = 'outputs.f32.total_loss'
    for (const value of [NaN, Infinity, -Infinity]) {
      const file = rewritten(golden, (x) => [
        x.name === name ? { name, dtype: 'F32', shape: [], data: Float32Array.of(value) } : x
      ])
      expect(failing(await rightOf(verify(device)(file)))).toEqual([name])
    }
  })
})

describe('comparing arrays', () => {
  const reals = fc.array(
    fc.integer({ min: -400, max: 400 }).map((n) => n / 100),
    { minLength: 1, maxLength: 12 }
  )
  const tolerance = fc.record({
    rtol: fc.constantFrom(0, 1e-6, 1e-3, 0.1),
    atol: fc.constantFrom(0, 1e-6, 1e-3, 0.1)
  })
  const size = (xs: ReadonlyArray<number>): number => Math.hypot(...xs)

  it('passes exactly where ||d|| <= rtol ||theirs|| + atol sqrt(n)', () => {
    fc.assert(
      fc.property(
        reals,
        reals,
        fc.constantFrom(0, 1e-7, 1e-3, 1),
        tolerance,
        (theirs, noise, scale, { rtol, atol }) => {
          const ours = theirs.map((x, i) => x + scale * (noise[i] ?? 0))
          const d = theirs.map((x, i) => ours[i] - x)
          const bound = rtol * size(theirs) + atol * Math.sqrt(theirs.length)
          const compared = compareArrays('x', ours, theirs, { rtol, atol })
          // Next to the bound itself, rounding decides.
          fc.pre(size(d) === 0 || Math.abs(size(d) - bound) > 1e-12 * bound)
          expect(compared.passes).toBe(size(d) <= bound)
          expect(compared).toMatchObject({ name: 'x', elements: theirs.length, rtol, atol })
          expect(compared.maxAbsolute).toBe(Math.max(...d.map(Math.abs)))
          expect(compared.relative).toBeCloseTo(size(d) === 0 ? 0 : size(d) / size(theirs), 9)
        }
      )
    )
  })

  it('passes what is equal under every tolerance, and tells integers that differ by one', () => {
    fc.assert(
      fc.property(reals, fc.nat(), tolerance, (xs, at, tolerance) => {
        expect(compareArrays('x', xs, xs, tolerance).passes).toBe(true)
        const other = xs.map((x, i) => (i === at % xs.length ? x + 1 : x))
        expect(compareArrays('x', other, xs, { rtol: 0, atol: 0 }).passes).toBe(false)
      })
    )
  })

  it('never passes a number that is not finite, on either side', () => {
    fc.assert(
      fc.property(reals, fc.nat(), fc.constantFrom(NaN, Infinity, -Infinity), tolerance, (xs, at, odd, tolerance) => {
        const other = xs.map((x, i) => (i === at % xs.length ? odd : x))
        expect(compareArrays('x', other, xs, tolerance).passes).toBe(false)
        expect(compareArrays('x', xs, other, tolerance).passes).toBe(false)
        expect(compareArrays('x', other, other, tolerance).passes).toBe(false)
      })
    )
  })

  it('never passes arrays of different lengths', () => {
    fc.assert(
      fc.property(reals, tolerance, (xs, tolerance) => {
        expect(compareArrays('x', [...xs, 0], xs, tolerance).passes).toBe(false)
        expect(compareArrays('x', xs, [...xs, 0], tolerance).passes).toBe(false)
      })
    )
  })

  it('does not pass by overflow: numbers too large to square differ like others', () => {
    expect(compareArrays('x', [2e200], [1e200], { rtol: 1e-3, atol: 0 }).passes).toBe(false)
    expect(compareArrays('x', [1e200], [1e200], { rtol: 1e-3, atol: 0 }).passes).toBe(true)
  })
})
