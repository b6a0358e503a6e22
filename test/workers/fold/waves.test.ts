import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldTree } from '../../../src/workers/fold/tree-sum.js'
import { defaultShardsAtOnce, oneWaveOf, wavesOf, type Phase } from '../../../src/workers/fold/waves.js'

const add = (a: string, b: string): string => `(${a}+${b})`

const shards = fc.integer({ min: 1, max: 70 })

/** Room for fewer than all of them, for all, or for more. */
const counts = (count: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: count + 3 })

/** What every set holds in the end. */
const carriedOut = (phases: ReadonlyArray<Phase>): ReadonlyMap<number, string> => {
  const sets = new Map<number, string>()
  const read = (set: number): string => sets.get(set) ?? 'nothing'
  for (const phase of phases)
    if (phase._tag === 'map') for (const { shard, set } of phase.shards) sets.set(set, String(shard))
    else {
      expect(phase.from).not.toContain(phase.to)
      sets.set(phase.to, foldTree(add)(phase.from.map(read)))
    }
  return sets
}

describe('waves', () => {
  it('compute the fixed tree, however many are held at once', () => {
    fc.assert(
      fc.property(
        shards.chain((n) => fc.tuple(fc.constant(n), counts(n))),
        ([n, atOnce]) => {
          const { phases, result } = wavesOf(n, atOnce)
          const leaves = Array.from({ length: n }, (_, i) => String(i))
          expect(carriedOut(phases).get(result)).toBe(foldTree(add)(leaves))
        }
      )
    )
  })

  it('compute each shard once, and write no set that two shards of a wave share', () => {
    fc.assert(
      fc.property(shards, fc.integer({ min: 0, max: 4 }), (n, k) => {
        const maps = wavesOf(n, 2 ** k).phases.flatMap((phase) => (phase._tag === 'map' ? [phase.shards] : []))
        expect(maps.flat().map(({ shard }) => shard)).toEqual(Array.from({ length: n }, (_, i) => i))
        for (const wave of maps) expect(new Set(wave.map(({ set }) => set)).size).toBe(wave.length)
      })
    )
  })

  it('hold the shards at once, the sums that wait, and one that is being made', () => {
    fc.assert(
      fc.property(shards, fc.integer({ min: 0, max: 4 }), (n, k) => {
        const atOnce = Math.min(n, 2 ** k)
        expect(wavesOf(n, 2 ** k).sets).toBeLessThanOrEqual(atOnce + Math.ceil(Math.log2(n / atOnce)) + 1)
      })
    )
  })

  it('are one, for a sum that is made elsewhere: each shard in a set of its own, and one set more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (shards) => {
        const { phases, sets, result } = oneWaveOf(shards)
        const [wave, ...others] = phases.map((phase) => (phase._tag === 'map' ? phase.shards : []))
        expect(others).toEqual([])
        expect(wave.map(({ shard }) => shard)).toEqual([...Array(shards).keys()])
        expect(new Set([...wave.map(({ set }) => set), result]).size).toBe(sets)
      })
    )
  })

  it('of one shard are that shard: nothing is summed', () => {
    expect(wavesOf(1, 1)).toEqual({
      phases: [{ _tag: 'map', shards: [{ shard: 0, set: 0 }] }],
      sets: 1,
      result: 0
    })
  })
})

describe('the default number of shards at once', () => {
  it('is all of them where they are small, and otherwise what keeps the workers busy', () => {
    expect(defaultShardsAtOnce(1000, 8, 3)).toBe(8)
    expect(defaultShardsAtOnce(2 ** 26, 8, 3)).toBe(4)
    expect(defaultShardsAtOnce(2 ** 26, 4, 16)).toBe(4)
    expect(defaultShardsAtOnce(2 ** 30, 8, 1)).toBe(1)
  })
})
