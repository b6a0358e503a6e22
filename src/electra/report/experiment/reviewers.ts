/**
 * What the paper's reviewers missed: standard deviations, an ablation of the generator's size, and the generator's share of the compute.
 *
 * The paper's numbers are those of Clark et al. 2020, https://arxiv.org/abs/2003.10555; shares are what its script counts,
 * `flops_computation.py` of https://github.com/google-research/electra.
 */

import type { ExperimentResults } from './results.js'
import { generatorShare, type Recipe } from '../../flops/training.js'
import { publishedRows, type PublishedName } from '../../flops/published.js'
import { published } from '../../flops/forward.js'
import { lines } from '../charts/chart.js'
import {
  code,
  figures,
  folded,
  list,
  numbers,
  says,
  section,
  table,
  words,
  type Block,
  type Figure,
  type Table,
  type Text
} from '../document.js'
import { counted } from '../../counted.js'
import type { ObjectiveName } from '../../objective/table.js'
import { fixed, none, percent, plain, scientific, spread, whole } from '../shown.js'
import { generatorFigures } from './curves.js'
import { allScores, metricOf, scoreDigits, scoresFor, tasksOf, untrainedArm } from './scores.js'

// ------------------------------------------------------------- deviations

/** Clark et al. 2020, table 1: the average on GLUE's dev sets. */
const paperScores: Table = {
  caption: 'The paper: GLUE dev averages of small models (table 1)',
  columns: [...words('model'), ...numbers('training operations, as printed', 'GLUE')],
  rows: [
    ['BERT-Small', '1.4e18', '75.1'],
    ['ELECTRA-Small', '1.4e18', '79.9'],
    ['ELECTRA-Small, 50 % trained', '7.1e17', '79.0'],
    ['ELECTRA-Small, 25 % trained', '3.6e17', '77.7'],
    ['ELECTRA-Small, 12.5 % trained', '1.8e17', '76.0'],
    ['ELECTRA-Small, 6.25 % trained', '8.9e16', '74.1'],
    ['BERT-Base', '6.4e19', '82.2'],
    ['ELECTRA-Base', '6.4e19', '85.1']
  ]
}

/** What is left of the variance of seeds when that of means of so many trials is taken away: 0 where that is all of it. */
const ofPretraining = (ofSeeds: number, ofTrials: number, trials: number): number =>
  Math.sqrt(Math.max(0, ofSeeds * ofSeeds - (ofTrials * ofTrials) / trials))

const deviationsTable = (results: ExperimentResults): Table => ({
  caption: 'Ours: deviations over seeds of pre-training, and over trials of fine-tuning within a seed',
  columns: [
    ...words('task', 'arm'),
    ...numbers('mean', 'deviation over seeds', 'over trials', 'left to pre-training', 'seeds')
  ],
  rows: allScores(results).map(({ task, arm, mean, deviation, withinSeeds, bySeed }) => [
    task,
    arm,
    ...[
      mean,
      deviation,
      withinSeeds,
      arm === untrainedArm ? undefined : ofPretraining(deviation, withinSeeds, results.declaration.tasks[task].trials)
    ].map((x) => fixed(x, scoreDigits)),
    String(bySeed.length)
  ])
})

/** Of the deviation of n values of a normal distribution, as a share of itself. */
const relativeError = (n: number): string =>
  n < 2 ? 'and one seed has none' : `which has itself a standard error of ${percent(1 / Math.sqrt(2 * (n - 1)), 0)}`

const parametersOf = ({ runs }: ExperimentResults): string => {
  const found = runs.flatMap(({ report }) => report?.parameters ?? [])
  return found.length === 0 ? 'this size' : `at most ${whole(Math.max(...found))} parameters`
}

const deviations = (results: ExperimentResults): ReadonlyArray<Block> => [
  section('Reviewers, 1: how large are the deviations?'),
  says(
    'The paper gives medians of ten fine-tunings of one pre-trained model and no deviation: nothing of its tables says how much another seed of pre-training would change. An independent reproduction of ELECTRA-Small on OpenWebText (richarddwang/electra_pytorch) reports a deviation of 0.57 points of GLUE over 14 seeds of pre-training, and over seeds of fine-tuning from 0.10 (QQP) to 1.93 (RTE).'
  ),
  says(
    'A score of a seed is a mean of trials, so that its deviation holds some of theirs. What is left to pre-training is √(variance over seeds − variance over trials / trials of a seed), and 0 where that is negative: of a few seeds a rough number.'
  ),
  table(deviationsTable(results)),
  folded(paperScores),
  says(
    `What cannot be concluded: the deviation is that of ${counted(results.declaration.seeds.length, 'seed')}, ${relativeError(results.declaration.seeds.length)}; and that of models of ${parametersOf(results)} is not that of the paper's smallest, of 14 million (table 1). By how much the paper's own differences stand out from chance stays open.`
  )
]

// ------------------------------------------------------------- the generator's size

/** Clark et al. 2020, section 3.2: weights that are tied, with a generator of the discriminator's size. */
const paperTying: Table = {
  caption: 'The paper: what is shared with a generator of full size, GLUE dev, 500K steps (section 3.2)',
  columns: [...words('shared'), ...numbers('GLUE')],
  rows: [
    ['nothing', '83.6'],
    ['token embeddings', '84.3'],
    ['all weights', '84.4']
  ]
}

const sizesSaid = (results: ExperimentResults): Block => {
  const { generatorSizes } = results.declaration
  return (generatorSizes?.length ?? 0) < 2
    ? says('This experiment has one size of generator, so it has nothing to add.')
    : says(
        `Ours: widths of ${(generatorSizes ?? []).join(', ')} of the main network's, at the same operations by the count of the declaration, so that a larger one leaves fewer steps. They are compared with the baseline, and described beside one another.`
      )
}

const sizes = (results: ExperimentResults): ReadonlyArray<Block> => [
  section('Reviewers, 2: how large should the generator be?'),
  says(
    "The paper finds generators of a quarter to half of the discriminator's size best, and both larger ones and much smaller ones down to one that draws by frequency worse, at 500K steps each. It plots this (figure 3) and prints no numbers, neither scores nor deviations; and steps are matched there, not compute, so that larger generators are given more of it."
  ),
  sizesSaid(results),
  ...figures(generatorFigures(results)),
  folded(paperTying),
  ...((results.declaration.generatorSizes?.length ?? 0) < 2
    ? []
    : [
        says(
          "What cannot be concluded: embeddings and the softmax do not shrink with the generator's width as its layers do, so that a share of the width is another share of the compute for every size of model and vocabulary. What is best here need not be best for the paper's models."
        )
      ])
]

// ------------------------------------------------------------- where the gain comes from

/** GLUE dev of Base size: Clark et al. 2020, section 3.4, table 5. */
const paperEfficiency: ReadonlyArray<readonly [ObjectiveName, string, string]> = [
  ['mlm', 'BERT', '82.2'],
  ['electra-15', 'ELECTRA 15 %', '82.4'],
  ['replace-mlm', 'Replace MLM', '82.4'],
  ['all-tokens-mlm', 'All-Tokens MLM', '84.3'],
  ['electra', 'ELECTRA', '85.0']
]

/** The paper's number, and those of each of our arms of that objective. */
const efficiencyTable = (results: ExperimentResults): Table => {
  const tasks = tasksOf(results)
  const scored = (arm: string): ReadonlyArray<string> =>
    tasks.map((task) => {
      const { mean, deviation } = scoresFor(results, arm, task)
      return spread(mean, deviation, scoreDigits)
    })
  return {
    caption: 'The paper (GLUE dev, Base, table 5) beside ours',
    columns: [
      ...words('objective'),
      ...numbers('the paper: GLUE'),
      ...words('our arm'),
      ...numbers(...tasks.map((task) => `${task}: ${metricOf(results, task)}`))
    ],
    rows: paperEfficiency
      .flatMap(([objective, title, glue]) => {
        const own = results.arms.filter((arm) => results.declaration.objectives[arm.objective].objective === objective)
        return own.length === 0
          ? [[title, glue, none, ...tasks.map(() => none)]]
          : own.map(({ id }) => [title, glue, id, ...scored(id)])
      })
      .concat(
        results.declaration.untrained ? [['weights never trained', none, untrainedArm, ...scored(untrainedArm)]] : []
      )
  }
}

/** Arms by their means on a task, the highest first. */
const orderOn = (results: ExperimentResults, task: string): ReadonlyArray<Text> => {
  const found = results.arms
    .map(({ id }) => ({ id, mean: scoresFor(results, id, task).mean }))
    .filter(({ mean }) => Number.isFinite(mean))
    .sort((a, b) => b.mean - a.mean)
  return found.length < 3
    ? []
    : [
        [
          'By their means on ',
          code(task),
          ': ',
          ...found.flatMap(({ id }, i) => [...(i === 0 ? [] : [', ']), code(id)]),
          '.'
        ]
      ]
}

const efficiency = (results: ExperimentResults): ReadonlyArray<Block> => [
  section("The paper's variants beside ours"),
  says(
    "The paper's variants lie between masked language modelling and replaced token detection: a loss on the masked positions only (ELECTRA 15 %), replaced tokens in place of [MASK] (Replace MLM), a prediction at every token (All-Tokens MLM). From them it concludes that a large part of the gain comes from learning at all tokens, and a smaller one from not seeing [MASK]."
  ),
  table(efficiencyTable(results)),
  ...list(tasksOf(results).flatMap((task) => orderOn(results, task))),
  says(
    "What cannot be concluded: GLUE's average of Base models and these tasks with these models are different measures, so that only the order of a column can be looked at. How near a generator's words are to the text decides what ELECTRA 15 % has to learn: of a weak one nearly all are replaced."
  )
]

// ------------------------------------------------------------- the generator's share

const sparse = { ...published, sparseLookup: true }

const paperRow = (name: PublishedName): ReadonlyArray<{ readonly title: string; readonly recipe: Recipe }> =>
  publishedRows.flatMap((row) =>
    row.name === name && row.recipe !== undefined ? [{ title: row.title, recipe: row.recipe }] : []
  )

const paperShares = (): Table => ({
  caption: "The paper's models: the generator's share by its script",
  columns: [...words('model'), ...numbers('published', 'sparse')],
  rows: (['electra_small', 'electra_base', 'electra_400k'] as const)
    .flatMap(paperRow)
    .map(({ title, recipe }) => [title, percent(generatorShare(recipe), 3), percent(generatorShare(recipe, sparse), 3)])
})

const accountings = ['published', 'sparse', 'executed'] as const

const ourShares = ({ arms, runs }: ExperimentResults): Table => ({
  caption: "Ours: the generator's share of the training, and what a run takes",
  columns: [
    ...words('arm'),
    ...numbers(
      'share, published',
      'share, sparse',
      'share, executed',
      'operations, published',
      'operations, sparse',
      'operations, executed'
    )
  ],
  rows: arms.map(({ id }) => {
    const compute = runs.flatMap((run) => (!run.isTuning && run.arm === id ? (run.report?.compute ?? []) : [])).at(0)
    const share = compute?.generatorShare
    const none0 = compute === undefined ? none : 'no generator'
    return [
      id,
      share === undefined ? none0 : percent(share.published, 2),
      share === undefined ? none0 : percent(share.sparse, 2),
      share === undefined ? none0 : percent(share.executed, 2),
      ...accountings.map((by) => scientific(compute?.[by].run, 4))
    ]
  })
})

/** Shares over the generator's width, a line for each accounting: where there are several widths, of the first objective that has them. */
const shareFigures = ({ arms, runs }: ExperimentResults): ReadonlyArray<Figure> => {
  const first = arms.find(({ generatorSize }) => generatorSize !== undefined)
  const found = arms.flatMap(({ id, objective, size, budget, generatorSize }) => {
    if (first === undefined || generatorSize === undefined) return []
    if (objective !== first.objective || size !== first.size || budget !== first.budget) return []
    const share = runs.flatMap((run) => (run.arm === id ? (run.report?.compute?.generatorShare ?? []) : [])).at(0)
    return share === undefined ? [] : [{ id, width: generatorSize, share }]
  })
  if (found.length < 2) return []
  const ordered = [...found].sort((a, b) => a.width - b.width)
  return [
    {
      title: `The generator's share of ${first?.objective ?? ''}`,
      description: "Of the operations of training, in three accountings, over the generator's width.",
      chart: lines({
        x: { title: "generator's width / main network's", scale: 'log', ticks: ordered.map(({ width }) => width) },
        y: { title: 'share of operations', scale: 'linear' },
        series: accountings.map((name, look) => ({
          name,
          look,
          points: ordered.map(({ width, share }) => ({ x: width, y: share[name] ?? NaN }))
        })),
        rules: [],
        hasPoints: true
      }),
      numbers: {
        caption: "the generator's share",
        columns: [...words('accounting', 'arm'), ...numbers("generator's width", 'share')],
        rows: accountings.flatMap((name) =>
          ordered.map(({ id, width, share }) => [name, id, plain(width), percent(share[name], 2)])
        )
      }
    }
  ]
}

const shares = (results: ExperimentResults): ReadonlyArray<Block> => [
  section("Reviewers, 3: what is the generator's share of the compute?"),
  says(
    "The paper does not state it. Its script counts it with the rest: published, where a word's embedding is counted as a product with the whole table, and sparse, where words are looked up. Executed is what our compiled programs compute, with the backward pass as it is and the optimizer; the generator's share of it leaves out the update of its weights."
  ),
  table(ourShares(results)),
  ...figures(shareFigures(results)),
  table(paperShares()),
  says(
    "What cannot be concluded: a share of operations is no share of time or energy. Small products may run at a smaller part of a machine's rate than large ones do. Times in this report are of a machine that may have had other things to do."
  )
]

export const reviewersSections = (results: ExperimentResults): ReadonlyArray<Block> => [
  ...deviations(results),
  ...sizes(results),
  ...shares(results),
  ...efficiency(results)
]
