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
import { piecesOf } from '../../../src/electra/pretraining/problem.js'
import { pretrainingPrograms, stageStarts } from '../../../src/electra/pretraining/programs.js'
import { pretrainingSession } from '../../../src/electra/pretraining/session.js'
import { sha256OfTensors } from '../../../src/electra/store/digest.js'
import { exportModel, importModel } from '../../../src/electra/store/models/model-files.js'
import type { Report } from '../../../src/electra/training/columns.js'
import type { NamedState } from '../../../src/electra/training/problem.js'
import type { Session } from '../../../src/electra/training/session.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { acquirePool, inProcess, pooledFold, type Execution, type Pool } from '../../../src/workers/index.js'
import { onRanks } from '../../workers/ranks/meeting.js'
import { logitProducts, networkProducts } from '../flops/network-products.js'
import { right, rightOf } from '../data/right.js'
import { corpusIn, least, remove, temporary, textOf, threads } from '../training/runs.js'

let directory = ''
let corpus: Corpus
/** Two threads, which stay for all cases: what they have compiled once they compile fast. */
let pool: Pool
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
  pool = await rightOf(acquirePool(threads(2)))
})
afterAll(async () => {
  await pool.release()
  await remove(directory)
})

/** Beside WASM. Programs for both work in this thread. */
const devices: ReadonlyArray<readonly [string, () => Promise<Pool>]> = [
  ['the reference device', () => Promise.resolve(inProcess(reference({ floats: 'float32' })))],
  [
    'gpu.js',
    () => rightOf(acquirePool({ workers: 1, choice: { device: 'wasm', matmul: 'gpu.js:cpu', floats: 'float32' } }))
  ]
]

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

const totalSteps = 4

/** A state is taken elsewhere after so many steps: of two stages the first. */
const middle = 2

/** Steps on other devices and on ranks: of two stages each is there. */
const few = middle + 1

const digestOf = ({ params, optimizer }: NamedState) => [sha256OfTensors(params), sha256OfTensors(optimizer)]

type Taken = {
  readonly reports: ReadonlyArray<Report>
  readonly states: ReadonlyArray<NamedState>
}

/** Every number of the steps `from` to `to - 1`, and the state after each. */
const taken = async (session: Session, from: number, to: number): Promise<Taken> => {
  const [reports, states]: [Array<Report>, Array<NamedState>] = [[], []]
  for (let n = from; n < to; n++) {
    const { report, gradientNorm } = await rightOf(session.step(n))
    reports.push({ ...report, gradientNorm })
    states.push(await rightOf(session.read))
  }
  return { reports, states }
}

/** Nearly the same numbers: sums in another order, in f32, whose roundings two updates have taken on. */
const expectNear = (found: ReadonlyArray<Report>, expected: ReadonlyArray<Report>): void => {
  expect(found.map(Object.keys)).toEqual(expected.map(Object.keys))
  const far = found.flatMap((report, n) =>
    Object.entries(report).filter(([name, x]) => {
      const y = expected[n][name]
      return !Object.is(x, y) && !(Math.abs(x - y) <= 1e-4 * Math.max(1, Math.abs(y)))
    })
  )
  expect(far).toEqual([])
}

describe.each(cases)('a run of $name', ({ name, change }) => {
  const config = least(change)
  const sessionOn = (pool: Pool, execution: Execution = {}): Promise<Session> =>
    rightOf(pretrainingSession({ config, corpus, seed: 1, totalSteps })(pooledFold(pool, execution)))
  let whole: Taken
  let heldOut: Report | undefined
  beforeAll(async () => {
    const session = await sessionOn(inProcess(wasm()))
    whole = await taken(session, 0, totalSteps)
    heldOut = await rightOf(session.evaluate)
  })

  it('comes to the same bits on two workers, and from a state in the middle', async () => {
    const session = await sessionOn(pool)
    const again = await taken(session, 0, totalSteps)
    expect(again.reports).toEqual(whole.reports)
    expect(again.states.map(digestOf)).toEqual(whole.states.map(digestOf))
    expect(await rightOf(session.evaluate)).toEqual(heldOut)
    await rightOf(session.write(whole.states[middle - 1], middle))
    const resumed = await taken(session, middle, totalSteps)
    expect(resumed.reports).toEqual(whole.reports.slice(middle))
    expect(resumed.states.map(digestOf)).toEqual(whole.states.slice(middle).map(digestOf))
  })

  it('comes to nearly the same on two ranks, alike on both', async () => {
    const [first, second] = await onRanks(2, async (ranks) =>
      taken(await sessionOn(inProcess(wasm()), { ranks }), 0, few)
    )
    expect(second.states.map(digestOf)).toEqual(first.states.map(digestOf))
    expect(second.reports).toEqual(first.reports)
    expectNear(first.reports, whole.reports.slice(0, few))
  })

  it.each(devices)('comes to nearly the same on %s', async (_, acquire) => {
    const session = await sessionOn(await acquire())
    expectNear((await taken(session, 0, few)).reports, whole.reports.slice(0, few))
  })

  it('has numbers that its columns name, and leaves the networks that it says', async () => {
    const { columns, exports } = objectiveOf(config, piecesOf(corpus))
    const known = new Set(['loss', 'gradientNorm', ...columns.map((column) => column.name)])
    const reported = [...whole.reports, heldOut ?? {}].flatMap(Object.keys)
    expect(reported.filter((number) => !known.has(number))).toEqual([])
    expect([...whole.reports, heldOut].every((report) => Number.isFinite(report?.loss))).toBe(true)

    const models = join(directory, name.replaceAll(' ', '-'))
    await mkdir(models, { recursive: true })
    for (const exported of exports) {
      const path = await rightOf(
        exportModel(join(models, exported.name), exported, {
          config,
          vocabSize: corpus.vocabulary.pieces.length,
          params: whole.states[totalSteps - 1].params,
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
