/** The two towers see everything but the token that they predict; Electric's energies are those of its head. */

import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { samplerOf } from '../../../src/electra/objective/corrupted-input.js'
import { electricForward, electricObjective } from '../../../src/electra/objective/electric.js'
import { generatorOf } from '../../../src/electra/objective/generators/table.js'
import { jointForward, type AnyJointParams } from '../../../src/electra/objective/replaced-token.js'
import { drawnPieces } from '../../../src/electra/profile/shard.js'
import { logSoftmax, oneHot, random, sub, mul, sum } from '../../../src/tensor/index.js'
import {
  batchOf,
  configOf,
  denominatorsOf,
  distance,
  given,
  numbersOf,
  scattered,
  vocabSize,
  type HostBatch
} from './cases.js'

const config = configOf({ objective: 'electric', generator: { kind: 'two-tower' }, maskProbability: 0.3 })
const pieces = drawnPieces(vocabSize)
const generator = generatorOf(config, pieces)
const params = scattered<AnyJointParams>(electricObjective(config, pieces).parameters, 1)
const batch = batchOf(config, 2)
const { sequenceLength: length } = config

const everywhere = (host: HostBatch): ReadonlyArray<number> => {
  const made = generator.propose(
    { main: params.discriminator, generator: params.generator },
    given(host),
    denominatorsOf(host),
    undefined
  ).everywhere
  return made === undefined ? [] : numbersOf(made)
}

const at = (logits: ReadonlyArray<number>, i: number): ReadonlyArray<number> =>
  logits.slice(i * vocabSize, (i + 1) * vocabSize)

describe('the logits of every token', () => {
  // The first row is full.
  it.each([0, 1, 6, length - 1])('depend on every other token, and not on token %i itself', (t) => {
    const inputIds = batch.inputIds.slice()
    inputIds[t] = inputIds[t] === 20 ? 21 : 20
    const [before, after] = [everywhere(batch), everywhere({ ...batch, inputIds })]
    expect(at(after, t)).toEqual(at(before, t))
    for (let s = 0; s < length; s++) if (s !== t) expect(distance(at(after, s), at(before, s))).toBeGreaterThan(1e-9)
    expect(after.slice(length * vocabSize)).toEqual(before.slice(length * vocabSize))
  })

  it('do not depend on padding', () => {
    const inputIds = batch.inputIds.map((id, i) => (batch.attentionMask[i] === 1 ? id : 11))
    const [before, after] = [everywhere(batch), everywhere({ ...batch, inputIds })]
    batch.attentionMask.forEach((real, i) => {
      if (real === 1) expect(at(after, i)).toEqual(at(before, i))
    })
  })
})

describe('electric', () => {
  const sampler = samplerOf({ temperature: 1 }, random.key(3))
  const forward = electricForward({ ...config, temperature: 1 }, generator, sampler)(
    params,
    given(batch),
    denominatorsOf(batch)
  )

  it('adds log q of what stands there and log(p / (1 - p)) to the head, at every token', () => {
    const raw = jointForward(config, generator, sampler)(params, given(batch), denominatorsOf(batch))
    expect(numbersOf(forward.energies)).toEqual(numbersOf(raw.discriminatorLogits))
    const { everywhere: logits } = forward.proposal
    if (logits === undefined) throw new Error('no logits of every token')
    const logQ = pipe(logits, logSoftmax(-1), mul(oneHot(vocabSize)(forward.corrupted.ids)), sum({ axes: -1 }))
    const offsets = numbersOf(pipe(forward.discriminatorLogits, sub(forward.energies), sub(logQ)))
    expect(
      distance(
        offsets,
        offsets.map(() => Math.log(0.3 / 0.7))
      )
    ).toBeLessThan(1e-6)
  })

  it('counts what was drawn as drawn, equal or not', () => {
    const selected = numbersOf(forward.corrupted.selected)
    const expected = new Set(
      [...batch.maskedPositions].flatMap((p, slot) =>
        batch.maskedWeights[slot] === 1
          ? [Math.floor(slot / (batch.maskedPositions.length / batch.rows)) * length + p]
          : []
      )
    )
    selected.forEach((x, i) => expect(x).toBe(expected.has(i) ? 1 : 0))
  })
})
