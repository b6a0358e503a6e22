/**
 * What holds of every objective and every generator in the tables, whoever adds one.
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { slotsOf } from '../../../src/electra/data/examples/masking.js'
import { networksOf } from '../../../src/electra/flops/network.js'
import { executedByStep } from '../../../src/electra/flops/executed.js'
import { generatorNames, makerOf } from '../../../src/electra/objective/generators/table.js'
import { objectiveNames, objectiveOf, objectives } from '../../../src/electra/objective/table.js'
import { pretrain } from '../../../src/electra/pretraining/pretrain.js'
import { piecesOf } from '../../../src/electra/pretraining/problem.js'
import { pretrainingPrograms, stageStarts } from '../../../src/electra/pretraining/programs.js'
import { exportModel, importModel } from '../../../src/electra/store/models/model-files.js'
import type { RunResult } from '../../../src/electra/training/run.js'
import { logitProducts, networkProducts } from '../flops/network-products.js'
import { right, rightOf } from '../data/right.js'
import { corpusIn, least, optionsOf, remove, stoppingAfter, temporary, textOf, threads } from '../training/runs.js'

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

type Case = { readonly name: string; readonly change: object }

const cases: ReadonlyArray<Case> = [
  ...objectiveNames.map((objective) => ({ name: objective, change: { objective, ...objectives[objective].example } })),
  // Those that are not in every objective's own case already.
  ...(generatorNames as ReadonlyArray<string>)
    .filter((kind) => kind !== 'masked-lm')
    .map((kind) => ({ name: `electra on the generator ${kind}`, change: { generator: { kind } } })),
  { name: 'electra that shares nothing', change: { sharing: 'none' } },
  { name: 'electra that shares all but the heads', change: { sharing: 'all' } },
  { name: 'electra whose samples are never the originals', change: { disallowCorrect: true } },
  {
    name: "the masked language model with BERT's 80, 10, 10",
    change: { objective: 'mlm', replaceProbability: 0.8, randomProbability: 0.1 }
  }
]

const factsOf = ({ weightsSha256, optimizerSha256, first, last, heldOut, best }: RunResult) => ({
  ...{ weightsSha256, optimizerSha256, first, last, heldOut, best }
})

describe.each(cases)('a run of $name', ({ name, change }) => {
  const config = least(change)
  const out = (which: string): string => join(directory, name.replaceAll(' ', '-'), which)

  it('comes to the same on two workers, stopped in the middle and resumed, and its numbers have columns', async () => {
    const whole = await rightOf(pretrain(optionsOf(corpus, out('whole'), { config })))
    await rightOf(pretrain(optionsOf(corpus, out('parts'), { config, ...stoppingAfter(7) })))
    const resumed = await rightOf(pretrain(optionsOf(corpus, out('parts'), { config, pool: threads(2), resume: true })))
    expect(factsOf(resumed)).toEqual(factsOf(whole))
    const { columns } = objectiveOf(config, piecesOf(corpus))
    const known = new Set(['loss', ...columns.map((column) => column.name)])
    const reported = Object.keys({ ...whole.first, ...whole.last, ...whole.heldOut })
    expect(reported.filter((number) => !known.has(number))).toEqual([])
    expect(Number.isFinite(whole.last.loss)).toBe(true)

    // What it says that it leaves, it leaves.
    await mkdir(out('model'), { recursive: true })
    for (const exported of objectiveOf(config, piecesOf(corpus)).exports) {
      const path = await rightOf(
        exportModel(join(out('model'), exported.name), exported, {
          config,
          vocabSize: corpus.vocabulary.pieces.length,
          params: whole.params,
          tokenizer: {}
        })
      )
      const { tensors } = await rightOf(importModel(path, exported.half))
      expect(tensors.length).toBeGreaterThan(0)
    }
  })

  it('says all that people read of its numbers once', () => {
    const { columns, exports } = objectiveOf(config, piecesOf(corpus))
    expect(new Set(columns.map((column) => column.name)).size).toBe(columns.length)
    expect(columns.some((column) => column.label !== undefined)).toBe(true)
    expect(columns.some((column) => column.bar !== undefined)).toBe(true)
    expect(columns.every(({ meaning }) => meaning.endsWith('.'))).toBe(true)
    expect(exports.length).toBeGreaterThan(0)
    expect(makerOf(config).about).not.toBe('')
  })

  it('describes the networks whose products its programs carry out', () => {
    const objective = objectiveOf(config, piecesOf(corpus))
    const slots = slotsOf(config.maskProbability, config.sequenceLength)
    const { stages } = right(pretrainingPrograms(config, objective, 100))
    // One is trained to be used, and there once, whatever the stages.
    expect(networksOf(objective.stages).filter(({ role }) => role !== 'generator')).toHaveLength(1)
    for (const { stage, step } of stages) {
      // A trained network has two gradients for each product of the forward pass; one that is only read, none.
      const described = stage.networks.map((n) => (2 * (n.passes ?? 2) - 1) * networkProducts(n, slots))
      const all = described.reduce((sum, products) => sum + products, 0)
      // A single logit may be a weighted sum and no product, as a baseline is.
      const logits = stage.networks.reduce((sum, n) => sum + logitProducts(n, slots), 0)
      expect([all, all - 3 * logits].map((x) => config.batchSize * x)).toContain(executedByStep(step).contractions)
    }
  })
})

describe('the stages of a run', () => {
  it('begin in order, the first at once, and cover all steps', () => {
    const shares = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }).map((parts) => {
      const total = parts.reduce((sum, x) => sum + x, 0)
      return parts.map((x) => ({ share: x / total }))
    })
    fc.assert(
      fc.property(shares, fc.integer({ min: 1, max: 10_000 }), (stages, totalSteps) => {
        const starts = stageStarts(stages, totalSteps)
        expect(starts[0]).toBe(0)
        expect(starts).toEqual([...starts].sort((a, b) => a - b))
        stages.forEach(({ share }, i) => {
          const end = starts[i + 1] ?? totalSteps
          expect(Math.abs(end - starts[i] - share * totalSteps)).toBeLessThanOrEqual(1)
        })
      })
    )
  })
})
