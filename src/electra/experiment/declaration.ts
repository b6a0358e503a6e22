/**
 * An experiment as it is declared: ways to pre-train, each with the same budgets and seeds, and the tasks that they are judged by.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as z from 'zod'
import { describe } from '../../tensor/describe.js'
import { parseJson, showJsonError } from '../../tensor/strict-json.js'
import { placeOfJsonError } from '../config/json-place.js'
import { valueAt, type ConfigProblem } from '../config/schema.js'
import { countings } from '../flops/run-compute.js'
import { objectiveNames, type ObjectiveName } from '../objective/table.js'

/** Values laid over a configuration, by their keys: `{ "optimizer.learningRate": 0.001 }`. */
export type Settings = Readonly<Record<string, string | number | boolean>>

/** How long a run is: so many steps, or as many as so many operations are enough for. */
export type Budget =
  { readonly steps: number } | { readonly flops: number; readonly accounting: (typeof countings)[number] }

export type TaskDeclaration = {
  /** As `finetune --task` has it. */
  readonly task: string
  /** The directory of its files; relative to the declaration. */
  readonly data?: string
  /** Other options of `finetune` by their names: `{ "sequence-length": 48 }`. Files are relative to the declaration. */
  readonly options: Settings
  /** The number of its dev split that it is judged by: the more the better. */
  readonly metric: string
  /** Rates of fine-tuning to choose from. */
  readonly rates: ReadonlyArray<number>
  /** Trials of fine-tuning of each pre-trained model. */
  readonly trials: number
}

export type Declaration = {
  readonly name: string
  /** What its reports say of it, in paragraphs: why these sizes and budgets, say. */
  readonly about: ReadonlyArray<string>
  /** A corpus directory, relative to the declaration; `sample` is the text that comes with this package. */
  readonly corpus: string
  /** A preset or a file that all runs extend, and what all of them change. */
  readonly config: string
  readonly set: Settings
  /** Ways to pre-train, by names of their own. */
  readonly objectives: Readonly<Record<string, Settings & { readonly objective: ObjectiveName }>>
  /** The one that all others are compared with. */
  readonly baseline: string
  /** Further comparisons: arms by their ids, the first minus the second. */
  readonly contrasts?: ReadonlyArray<readonly [arm: string, against: string]>
  readonly sizes?: Readonly<Record<string, Settings>>
  /** Multipliers of the generator's width, for objectives that have a generator. */
  readonly generatorSizes?: ReadonlyArray<number>
  readonly budgets: ReadonlyArray<Budget>
  readonly seeds: ReadonlyArray<number>
  readonly tuning: {
    /** Peak learning rates of pre-training to choose from, the same for all objectives. */
    readonly rates: ReadonlyArray<number>
    /** Of the runs that only serve to choose: none of `seeds`. */
    readonly seed: number
    /** Of each of these runs; the first of `budgets` where not given. */
    readonly budget?: Budget
    /** Trials of fine-tuning at each rate on each of these runs, whose mean counts; 1 where not given. */
    readonly trials?: number
    /** By which of the tasks rates of pre-training are chosen; by all where not given. */
    readonly tasks?: ReadonlyArray<string>
  }
  readonly tasks: Readonly<Record<string, TaskDeclaration>>
  /** Whether weights that were never trained, of the first size, are fine-tuned as well. */
  readonly untrained: boolean
}

export type DeclarationProblem = ConfigProblem

const number = (expected: string, accepts: (x: number) => boolean) =>
  z.number({ error: expected }).refine(accepts, { error: expected })

const positive = number('a number above 0', (x) => x > 0 && x < Infinity)
const counting = number('an integer of at least 1', (x) => Number.isInteger(x) && x >= 1 && x < 2 ** 31)
const seed = number('an integer from 0 to 4294967295', (x) => Number.isInteger(x) && x >= 0 && x < 2 ** 32)

/** Who stands for weights that were never trained. */
export const untrained = 'untrained'

/** What becomes a part of a directory's name. */
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, {
  error: 'a name of at most 40 letters, digits, dots, dashes and underscores'
})

const text = (expected: string) => z.string({ error: expected }).min(1, { error: expected })

const some = <S extends z.ZodType>(of: S, what: string) =>
  z
    .array(of, { error: `a list of ${what}` })
    .min(1, { error: `at least one of ${what}` })
    .refine((list) => new Set(list.map((each) => JSON.stringify(each))).size === list.length, {
      error: `${what} that differ`
    })

const named = <S extends z.ZodType>(of: S, what: string) =>
  z
    .record(name, of, { error: `${what} by their names` })
    .refine((all) => Object.keys(all).length > 0, { error: `at least one of ${what}` })

const settings = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]), {
  error: 'values by the keys of a configuration, as { "optimizer.learningRate": 0.001 }'
})

const budget = z.union(
  [
    z.strictObject({ steps: counting }),
    z.strictObject({ flops: positive, accounting: z.enum(countings).default('published') })
  ],
  { error: `{ "steps": N } or { "flops": N, "accounting": one of ${countings.join(', ')} }` }
)

const task = z.strictObject({
  task: text("a task's name"),
  data: text('a directory').optional(),
  options: settings.default({}),
  metric: text('the name of a number'),
  rates: some(positive, 'learning rates'),
  trials: counting.default(1)
})

const schema = z.strictObject({
  name,
  about: z.array(text('a paragraph'), { error: 'a list of paragraphs' }).default([]),
  corpus: text('a directory, or sample'),
  config: text('a preset, or a file'),
  set: settings.default({}),
  objectives: named(settings, 'objectives'),
  baseline: name,
  contrasts: some(z.tuple([text('an arm'), text('an arm')], { error: 'two arms' }), 'pairs of arms').optional(),
  sizes: named(settings, 'sizes').optional(),
  generatorSizes: some(positive, 'generator sizes').optional(),
  budgets: some(budget, 'budgets'),
  seeds: some(seed, 'seeds'),
  tuning: z.strictObject({
    rates: some(positive, 'learning rates'),
    seed,
    budget: budget.optional(),
    trials: counting.optional(),
    tasks: some(name, 'tasks').optional()
  }),
  tasks: named(task, 'tasks'),
  untrained: z.boolean().default(true)
})

type Checked = z.infer<typeof schema>

/** Options of `finetune` that the experiment gives itself. */
const ownOptions = [
  ...['model', 'out', 'from-scratch', 'learning-rate', 'trials', 'seed', 'task', 'data', 'resume'],
  ...['device', 'matmul', 'adapter']
]

/** Keys of a configuration that it sets itself, and where they are declared. */
const ownKeys: Readonly<Record<string, string>> = {
  'optimizer.learningRate': 'tuning.rates',
  'training.steps': 'budgets'
}

const overridden = (path: string, settings: Settings): ReadonlyArray<DeclarationProblem> =>
  Object.entries(settings).flatMap(([key, value]) =>
    Object.hasOwn(ownKeys, key)
      ? [{ path: `${path}.${key}`, found: describe(value), expected: `nothing: ${ownKeys[key]} says it` }]
      : []
  )

/** What would be laid over the experiment's own choices, or be lost under them. */
const overrides = ({ set, objectives, sizes = {}, tasks }: Checked): ReadonlyArray<DeclarationProblem> => [
  ...overridden('set', set),
  ...Object.entries(objectives).flatMap(([key, own]) => overridden(`objectives.${key}`, own)),
  ...Object.entries(sizes).flatMap(([key, own]) => overridden(`sizes.${key}`, own)),
  ...Object.entries(tasks).flatMap(([key, { options }]) =>
    Object.keys(options)
      .filter((option) => ownOptions.includes(option))
      .map((option) => ({
        path: `tasks.${key}.options.${option}`,
        found: describe(options[option]),
        expected: 'nothing: the experiment says it'
      }))
  )
]

/** What the form cannot say. */
const contradictions = (d: Checked): ReadonlyArray<DeclarationProblem> => [
  ...overrides(d),
  ...Object.entries(d.objectives).flatMap(([key, set]): ReadonlyArray<DeclarationProblem> => {
    if (key === untrained)
      return [
        { path: `objectives.${key}`, found: 'an objective', expected: 'another name: weights never trained have it' }
      ]
    const found = set.objective ?? key
    return objectiveNames.some((known) => known === found)
      ? []
      : [
          {
            path: `objectives.${key}.objective`,
            found: describe(found),
            expected: `one of ${objectiveNames.join(', ')}`
          }
        ]
  }),
  ...(Object.hasOwn(d.objectives, d.baseline)
    ? []
    : [{ path: 'baseline', found: describe(d.baseline), expected: `one of ${Object.keys(d.objectives).join(', ')}` }]),
  ...(d.seeds.includes(d.tuning.seed)
    ? [
        {
          path: 'tuning.seed',
          found: String(d.tuning.seed),
          expected: 'none of seeds: what chooses must not be judged'
        }
      ]
    : []),
  ...(d.tuning.tasks ?? [])
    .filter((key) => !Object.hasOwn(d.tasks, key))
    .map((key) => ({
      path: 'tuning.tasks',
      found: describe(key),
      expected: `some of ${Object.keys(d.tasks).join(', ')}`
    }))
]

const complete = ({ objectives, ...rest }: Checked): Declaration => ({
  ...rest,
  objectives: Object.fromEntries(
    Object.entries(objectives).map(([key, set]) => [
      key,
      { ...set, objective: (set.objective ?? key) as ObjectiveName }
    ])
  )
})

/** The declaration that a JSON value describes, or all that is wrong with it. */
export const checkDeclaration = (input: unknown): E.Either<ReadonlyArray<DeclarationProblem>, Declaration> => {
  const parsed = schema.safeParse(input)
  if (!parsed.success)
    return E.left(
      parsed.error.issues.flatMap((issue): ReadonlyArray<DeclarationProblem> => {
        const path = issue.path.join('.')
        if (issue.code === 'invalid_key')
          return issue.issues.map(({ message }) => ({
            path: path.split('.').slice(0, -1).join('.'),
            found: describe(issue.path.at(-1)),
            expected: message
          }))
        return issue.code === 'unrecognized_keys'
          ? issue.keys.map((key) => ({
              path: path === '' ? key : `${path}.${key}`,
              found: 'an unknown key',
              expected: 'a known one'
            }))
          : [{ path, found: describe(valueAt(input, issue.path)), expected: issue.message }]
      })
    )
  const problems = contradictions(parsed.data)
  return problems.length === 0 ? E.right(complete(parsed.data)) : E.left(problems)
}

/** Deeper than any declaration. */
const deepest = 8

export const parseDeclaration = (given: string): E.Either<ReadonlyArray<DeclarationProblem>, Declaration> =>
  pipe(
    parseJson(deepest)(given),
    E.mapLeft((e) => {
      const place = e._tag === 'NotJson' ? placeOfJsonError(given) : undefined
      const found = `${showJsonError(e)}${place === undefined ? '' : ` from ${place} on`}`
      return [{ path: '', found, expected: 'a JSON object' }]
    }),
    E.chain(checkDeclaration)
  )
