import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../../../src/electra/data/examples/batches.js'
import {
  maskBatch,
  officialMasking,
  predictionsOf,
  slotsOf,
  type MaskingOptions
} from '../../../../src/electra/data/examples/masking.js'
import { hostKey } from '../../../../src/tensor/keys.js'

const special = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 } as const
const official: MaskingOptions = { ...officialMasking, special }

/** A batch of these rows; what is shorter than the length is padded with 0. */
const batchOf = (rows: ReadonlyArray<ReadonlyArray<number>>, length: number): Batch => {
  const padded = rows.map((row) => [...row, ...new Array<number>(length - row.length).fill(0)])
  return {
    batchSize: rows.length,
    sequenceLength: length,
    inputIds: Int32Array.from(padded.flat()),
    attentionMask: Int32Array.from(rows.flatMap((row) => padded[0].map((_, t) => (t < row.length ? 1 : 0)))),
    tokenTypeIds: new Int32Array(rows.length * length)
  }
}

/** Rows of ids that hold special tokens anywhere, padding's id among the real ones included. */
const batches = fc.integer({ min: 7, max: 40 }).chain((length) =>
  fc
    .array(fc.array(fc.oneof(fc.constantFrom(0, 1, 2, 3, 4), fc.integer({ min: 5, max: 99 })), { maxLength: length }), {
      minLength: 1,
      maxLength: 5
    })
    .map((rows) => batchOf(rows, length))
)

const options = fc.record({
  maskProbability: fc.constantFrom(0.15, 0.25, 0.5),
  replaceProbability: fc.constantFrom(0, 0.85, 1),
  withReplacement: fc.boolean(),
  special: fc.constant(special)
})

const seeds = fc.nat()

/** The slots of each row that count. */
const chosen = (batch: Batch, masked: ReturnType<ReturnType<typeof maskBatch>>) => {
  const slots = masked.maskedWeights.length / batch.batchSize
  return Array.from({ length: batch.batchSize }, (_, row) =>
    Array.from({ length: slots }, (_, i) => row * slots + i)
      .filter((slot) => masked.maskedWeights[slot] === 1)
      .map((slot) => ({ position: masked.maskedPositions[slot], id: masked.maskedIds[slot], slot: slot - row * slots }))
  )
}

const rowOf = (array: Int32Array, batch: Batch, row: number) =>
  array.subarray(row * batch.sequenceLength, (row + 1) * batch.sequenceLength)

describe('the numbers of predictions', () => {
  it.each([
    [128, 0.15, 19],
    [512, 0.15, 79],
    [128, 0.25, 32],
    [512, 0.25, 130]
  ])('are at most the slots of length %i at %f, which are %i', (length, p, slots) =>
    expect(slotsOf(p, length)).toBe(slots)
  )

  it('are those of the definition', () => {
    const at = (p: number, slots: number) => (n: number) => predictionsOf(p, slots, n)
    expect([3, 5, 10, 20, 30, 50, 64, 70, 90, 110, 126, 128].map(at(0.15, 19))).toEqual([
      1, 1, 2, 3, 4, 8, 10, 10, 14, 16, 19, 19
    ])
    expect([510, 512].map(at(0.15, 79))).toEqual([76, 77])
    expect([10, 50, 110, 510, 512].map(at(0.25, 130))).toEqual([2, 12, 28, 128, 128])
  })

  it('differ from rounding half up exactly where the definition says', () => {
    const differing = Array.from({ length: 512 }, (_, i) => i + 1).filter(
      (n) =>
        predictionsOf(0.15, 79, n) !== Math.max(1, Math.min(79, Math.floor(Math.fround(n * Math.fround(0.15)) + 0.5)))
    )
    expect(differing).toEqual([30, 70, 110, 150, 230, 270, 310, 430, 470, 510])
  })
})

describe('masking', () => {
  it('chooses k candidates of each row, never padding, [CLS], [SEP] or [MASK]', () => {
    fc.assert(
      fc.property(batches, options, seeds, (batch, options, seed) => {
        const masked = maskBatch(options, hostKey(seed))(batch)
        chosen(batch, masked).forEach((slots, row) => {
          const ids = rowOf(batch.inputIds, batch, row)
          const real = rowOf(batch.attentionMask, batch, row)
          const candidates = [...ids.keys()].filter((t) => real[t] === 1 && ![2, 3, 4].includes(ids[t]))
          const tokens = real.reduce((sum, m) => sum + m, 0)
          const k = predictionsOf(
            options.maskProbability,
            slotsOf(options.maskProbability, batch.sequenceLength),
            tokens
          )
          const expected = candidates.length === 0 ? 0 : options.withReplacement ? k : Math.min(k, candidates.length)
          // Slots in use come first.
          expect(slots.map(({ slot }) => slot)).toEqual(Array.from({ length: expected }, (_, i) => i))
          for (const { position, id } of slots) {
            expect(candidates).toContain(position)
            expect(id).toBe(ids[position])
          }
          if (!options.withReplacement) {
            const positions = slots.map(({ position }) => position)
            expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b))
          }
        })
      })
    )
  })

  it('leaves unused slots at position 0, id 0, weight 0', () => {
    fc.assert(
      fc.property(batches, options, seeds, (batch, options, seed) => {
        const { maskedPositions, maskedIds, maskedWeights } = maskBatch(options, hostKey(seed))(batch)
        maskedWeights.forEach((weight, slot) => {
          if (weight !== 1) expect([weight, maskedPositions[slot], maskedIds[slot]]).toEqual([0, 0, 0])
        })
      })
    )
  })

  it('shows [MASK] at chosen positions or the token itself, and changes nothing else', () => {
    fc.assert(
      fc.property(batches, options, seeds, (batch, options, seed) => {
        const before = batch.inputIds.slice()
        const masked = maskBatch(options, hostKey(seed))(batch)
        expect(batch.inputIds).toEqual(before)
        chosen(batch, masked).forEach((slots, row) => {
          const positions = new Set(slots.map(({ position }) => position))
          rowOf(masked.maskedInputIds, batch, row).forEach((id, t) => {
            const original = rowOf(batch.inputIds, batch, row)[t]
            if (!positions.has(t) || options.replaceProbability === 0) expect(id).toBe(original)
            else if (options.replaceProbability === 1) expect(id).toBe(special.mask)
            else expect([special.mask, original]).toContain(id)
          })
        })
      })
    )
  })

  it('with random pieces hides and shows what it does without, and differs only where a token would be shown', () => {
    fc.assert(
      fc.property(batches, options, seeds, fc.integer({ min: 0, max: 10 }), (batch, options, seed, tenths) => {
        const random = { probability: ((1 - options.replaceProbability) * tenths) / 10, vocabSize: 97 }
        const plain = maskBatch(options, hostKey(seed))(batch)
        const { maskedInputIds, ...rest } = maskBatch({ ...options, random }, hostKey(seed))(batch)
        const { maskedInputIds: without, ...same } = plain
        expect(rest).toEqual(same)
        if (tenths === 0) expect(maskedInputIds).toEqual(without)
        const places = new Set(
          chosen(batch, plain).flatMap((slots, row) =>
            slots.map(({ position }) => row * batch.sequenceLength + position)
          )
        )
        maskedInputIds.forEach((id, i) => {
          if (!places.has(i) || without[i] === special.mask) expect(id).toBe(without[i])
          else expect(id === without[i] || (id >= 0 && id < 97)).toBe(true)
        })
      })
    )
  })

  it('is the same for the same key, and a row does not depend on the rows after it', () => {
    fc.assert(
      fc.property(batches, seeds, (batch, seed) => {
        const whole = maskBatch(official, hostKey(seed))(batch)
        expect(maskBatch(official, hostKey(seed))(batch)).toEqual(whole)
        const first = {
          ...batch,
          batchSize: 1,
          inputIds: rowOf(batch.inputIds, batch, 0),
          attentionMask: rowOf(batch.attentionMask, batch, 0)
        }
        expect(maskBatch(official, hostKey(seed))(first).maskedInputIds).toEqual(rowOf(whole.maskedInputIds, batch, 0))
      })
    )
  })

  it('predicts nothing in an example of special tokens only', () => {
    const masked = maskBatch(official, hostKey(1))(batchOf([[2, 3, 3]], 20))
    expect(masked.maskedWeights).toEqual(new Float32Array(3))
  })
})

describe('over many keys', () => {
  const keys = 4000
  const row = [2, ...Array.from({ length: 18 }, (_, i) => 10 + i), 3]
  const batch = batchOf([row], 24)

  it.each([false, true])('positions are uniform over the candidates (with replacement: %s)', (withReplacement) => {
    const seen = new Array<number>(24).fill(0)
    let drawn = 0
    for (let seed = 0; seed < keys; seed++)
      for (const { position } of chosen(
        batch,
        maskBatch({ ...official, withReplacement }, hostKey(seed))(batch)
      ).flat()) {
        seen[position] += 1
        drawn += 1
      }
    expect(drawn).toBe(3 * keys)
    expect([...seen.slice(0, 1), ...seen.slice(19)]).toEqual([0, 0, 0, 0, 0, 0])
    const expected = drawn / 18
    const chiSquare = seen.slice(1, 19).reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
    // 17 degrees of freedom: 1 in 10^5 exceeds 53.0 (less often without replacement). The seeds are fixed.
    expect(chiSquare).toBeLessThan(53)
  })

  it('pairs of positions are as likely as drawing without replacement makes them', () => {
    const short = batchOf([[2, 10, 11, 12, 13, 3]], 14)
    const seen = new Map<string, number>()
    for (let seed = 0; seed < keys; seed++) {
      const [slots] = chosen(short, maskBatch({ ...official, maskProbability: 0.33 }, hostKey(seed))(short))
      const pair = slots.map(({ position }) => position).join()
      seen.set(pair, (seen.get(pair) ?? 0) + 1)
    }
    expect(seen.size).toBe(6)
    const chiSquare = [...seen.values()].reduce((sum, n) => sum + (n - keys / 6) ** 2 / (keys / 6), 0)
    // 5 degrees of freedom: 1 in 10^5 exceeds 30.9.
    expect(chiSquare).toBeLessThan(30.9)
  })

  it('85 % of the chosen tokens show [MASK]', () => {
    let shown = 0
    for (let seed = 0; seed < keys; seed++)
      shown += maskBatch(official, hostKey(seed))(batch).maskedInputIds.filter((id) => id === special.mask).length
    // 12,000 coins: standard deviation sqrt(.85 * .15 / 12000) = 0.0033, of which five are allowed.
    expect(Math.abs(shown / (3 * keys) - 0.85)).toBeLessThan(5 * 0.0033)
  })

  it("80 % show [MASK], 10 % a random piece and 10 % the token itself with BERT's probabilities", () => {
    const vocabSize = 1000
    const counts = { mask: 0, random: 0, same: 0 }
    const halves = [0, 0]
    const bert = { ...official, replaceProbability: 0.8, random: { probability: 0.1, vocabSize } }
    for (let seed = 0; seed < keys; seed++) {
      const masked = maskBatch(bert, hostKey(seed))(batch)
      for (const { position, id } of chosen(batch, masked).flat()) {
        const shown = masked.maskedInputIds[position]
        counts[shown === special.mask ? 'mask' : shown === id ? 'same' : 'random'] += 1
        if (shown !== special.mask && shown !== id) halves[shown < vocabSize / 2 ? 0 : 1] += 1
      }
    }
    // 12,000 draws: deviations sqrt(.8 * .2 / 12000) = 0.0037 and sqrt(.1 * .9 / 12000) = 0.0028, of which five are allowed.
    expect(Math.abs(counts.mask / (3 * keys) - 0.8)).toBeLessThan(5 * 0.0037)
    expect(Math.abs(counts.random / (3 * keys) - 0.1)).toBeLessThan(5 * 0.0028)
    expect(Math.abs(counts.same / (3 * keys) - 0.1)).toBeLessThan(5 * 0.0028)
    // About 1200 pieces, in either half of the vocabulary with deviation 17.
    expect(Math.abs(halves[0] - halves[1]) / 2).toBeLessThan(5 * 17)
  })
})
