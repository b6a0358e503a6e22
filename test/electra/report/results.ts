/** Results of experiments that nobody ran: whatever a test wants them to be. */

import { armsOf } from '../../../src/electra/experiment/arms.js'
import { checkDeclaration, type Declaration } from '../../../src/electra/experiment/declaration.js'
import type {
  CurvePoint,
  ExperimentResults,
  RunFound,
  TrialsFound
} from '../../../src/electra/report/experiment/results.js'
import type { ClosingReport } from '../../../src/electra/report/closing-report.js'
import { right } from '../data/right.js'

export const declared = (change: object = {}): Declaration =>
  right(
    checkDeclaration({
      name: 'small',
      corpus: 'sample',
      config: 'nano',
      objectives: { electra: {}, mlm: {} },
      baseline: 'mlm',
      budgets: [{ flops: 1e12, accounting: 'published' }],
      seeds: [1, 2, 3, 4, 5],
      tuning: { rates: [5e-4, 1e-3, 2e-3], seed: 9 },
      tasks: { subj: { task: 'subj', data: 'a', metric: 'accuracy', rates: [1e-4, 3e-4], trials: 2 } },
      ...change
    })
  )

/** Of an arm and a task, by the place of the seed: scores of its trials, or why it failed. */
export type ScoreOf = (arm: string, task: string, seedPlace: number) => ReadonlyArray<number> | string | undefined

export type Wanted = {
  readonly declaration?: Declaration
  readonly scoreOf: ScoreOf
  /** Held-out masked-LM losses by evaluation. */
  readonly losses?: (arm: string, seedPlace: number) => ReadonlyArray<number>
  readonly isComplete?: boolean
  /** Of pre-training, where it failed. */
  readonly failureOf?: (arm: string, seedPlace: number) => string | undefined
}

const hasGenerator = (name: string): boolean => name.startsWith('electra')

const reportOf = (arm: string, curve: ReadonlyArray<CurvePoint>): ClosingReport => ({
  complete: true,
  step: 400,
  totalSteps: 400,
  parameters: 12_345,
  device: 'wasm',
  multiplier: 'own',
  workers: 1,
  ranks: 1,
  relaxedSimd: false,
  starts: [],
  first: { loss: 7 },
  last: { loss: 5 },
  heldOut: curve.at(-1)?.numbers ?? {},
  baselines: { maskedLmLoss: { noContext: 5.1, chance: 7.6 }, discriminatorAuc: { chance: 0.5 } },
  facts: { unigramEntropy: 6 },
  compute: {
    published: { step: 2.5e9, run: 1e12 },
    sparse: { step: 2e9, run: 8e11 },
    executed: { step: 3e9, run: 1.2e12 },
    ...(hasGenerator(arm) ? { generatorShare: { published: 0.3, sparse: 0.2, executed: 0.19 } } : {})
  },
  tokensPerSecond: 2500,
  replacements: 0,
  weightsSha256: 'c0ffee'.padEnd(64, '0'),
  optimizerSha256: 'beef'.padEnd(64, '0'),
  checkpoint: `runs/${arm}/checkpoints/checkpoint-00000400`
})

const curveOf = (arm: string, losses: ReadonlyArray<number>): ReadonlyArray<CurvePoint> =>
  losses.map((maskedLmLoss, i) => ({
    step: 40 * (i + 1),
    seconds: 12.5 * (i + 1),
    numbers: {
      loss: arm.startsWith('mlm') ? maskedLmLoss : maskedLmLoss + 20,
      maskedLmLoss,
      ...(hasGenerator(arm) ? { discriminatorAuc: 0.5 + 0.03 * i, discriminatorLoss: 0.4 - 0.01 * i } : {})
    }
  }))

export const falling = (arm: string, seedPlace: number): ReadonlyArray<number> =>
  Array.from(
    { length: 10 },
    (_, i) => 6 - 0.15 * i - (arm.startsWith('mlm') ? 0.02 * i : 0) + 0.03 * ((seedPlace * 7 + i * 3) % 5)
  )

export const resultsOf = ({
  declaration = declared(),
  scoreOf,
  losses = falling,
  isComplete = true,
  failureOf = () => undefined
}: Wanted): ExperimentResults => {
  const arms = armsOf(declaration, hasGenerator)
  const runs = arms.flatMap(({ id, budget }) =>
    declaration.seeds.map((seed, place): RunFound => {
      const reason = failureOf(id, place)
      const curve = curveOf(id, losses(id, place))
      return {
        id: `${id}-s${seed}`,
        isTuning: false,
        arm: id,
        budget: declaration.budgets[budget],
        seed,
        rate: 1e-3,
        outcome:
          reason !== undefined
            ? { _tag: 'Failed', reason }
            : curve.length === 0
              ? { _tag: 'Pending' }
              : { _tag: 'Done', scores: [] },
        ...(reason !== undefined || curve.length === 0 ? {} : { report: reportOf(id, curve) }),
        curve,
        seconds: 125
      }
    })
  )
  const who = [...arms.map(({ id }) => id), ...(declaration.untrained ? ['untrained'] : [])]
  const trials = Object.keys(declaration.tasks).flatMap((task) =>
    who.flatMap((arm) =>
      declaration.seeds.map((seed, place): TrialsFound => {
        const found = scoreOf(arm, task, place)
        return {
          id: `${arm}-s${seed}-${task}-1e4`,
          isTuning: false,
          task,
          from: `${arm === 'untrained' ? arms[0].id : arm}-s${seed}`,
          untrained: arm === 'untrained',
          arm,
          seed,
          trials: declaration.tasks[task].trials,
          rate: 1e-4,
          outcome:
            found === undefined
              ? { _tag: 'Pending' }
              : typeof found === 'string'
                ? { _tag: 'Failed', reason: found }
                : { _tag: 'Done', scores: found },
          majority: 0.5
        }
      })
    )
  )
  return {
    declaration,
    arms,
    tuned: [
      {
        who: 'electra',
        choice: { rate: 1e-3, tried: [5e-4, 1e-3, 2e-3].map((rate, i) => ({ rate, score: [0.7, 0.72, NaN][i] })) }
      },
      {
        who: 'mlm',
        choice: { rate: 2e-3, tried: [5e-4, 1e-3, 2e-3].map((rate, i) => ({ rate, score: [0.7, 0.72, 0.73][i] })) }
      },
      { who: 'mlm', task: 'subj' }
    ],
    runs,
    trials,
    isComplete,
    machine: { cpu: 'A processor', cores: 2, bytes: 2 ** 33, node: 'v20.20.2', version: '0.1.0' },
    command: 'pure-electra experiment evening --out runs/evening',
    startedAt: '2026-11-27T05:00:00.000Z',
    updatedAt: '2026-11-27T09:00:00.000Z'
  }
}
