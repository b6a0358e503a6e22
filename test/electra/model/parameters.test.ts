import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import { presetConfig, resolveConfig } from '../../../src/electra/config/resolve.js'
import { objectiveOf } from '../../../src/electra/objective/table.js'
import { countParameters } from '../../../src/nn/index.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'

const vocabSize = 30522

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

type Parts = { readonly [name: string]: Parts }

const parts = (config: ElectraConfig): Parts =>
  objectiveOf(config, drawnPieces(vocabSize)).parameters as unknown as Parts

/** Clark et al. 2020 and the original code's sizes: spec section 1.9. */
const sizes = [
  {
    name: 'small',
    embeddings: 3_972_864,
    discriminatorEncoder: 13_483_008,
    discriminator: 13_549_057,
    generatorOwn: 647_162,
    joint: 14_196_219,
    baseline: 13_546_682
  },
  {
    name: 'base',
    embeddings: 23_837_184,
    discriminatorEncoder: 108_891_648,
    discriminator: 109_483_009,
    generatorOwn: 9_903_418,
    joint: 119_386_427,
    baseline: 109_514_298
  },
  {
    name: 'large',
    embeddings: 31_782_912,
    discriminatorEncoder: 334_092_288,
    discriminator: 335_142_913,
    generatorOwn: 19_512_378,
    joint: 354_655_291,
    baseline: 335_174_458
  }
] as const

describe.each(sizes)('the parameters of $name', (size) => {
  const joint = parts(right(presetConfig(size.name)))

  it('number exactly what the paper and its code say', () => {
    expect(countParameters(joint.discriminator.electra.embeddings)).toBe(size.embeddings)
    expect(countParameters(joint.discriminator.electra)).toBe(size.discriminatorEncoder)
    expect(countParameters(joint.discriminator)).toBe(size.discriminator)
    expect(countParameters(joint.generator)).toBe(size.generatorOwn)
    expect(countParameters(joint)).toBe(size.joint)
  })

  it('number, for the masked-LM baseline, those of one full-size network with the masked-LM head', () => {
    const baseline = right(resolveConfig({ extends: size.name, objective: 'mlm' }))
    expect(countParameters(parts(baseline))).toBe(size.baseline)
  })
})

it('the released Small, whose generator is full-size, has 23,122,875 parameters', () => {
  const released = right(resolveConfig({ extends: 'small', generator: { hiddenMultiplier: 1 } }))
  expect(countParameters(parts(released))).toBe(23_122_875)
})

it('tiny with a vocabulary of 8192 has 1,091,265 parameters', () => {
  expect(countParameters(objectiveOf(right(presetConfig('tiny')), drawnPieces(8192)).parameters)).toBe(1_091_265)
})
