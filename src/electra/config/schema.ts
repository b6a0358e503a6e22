/**
 * The form of a configuration file: which keys there are, what each may hold, and one plain sentence for each mistake.
 */

import * as E from 'fp-ts/lib/Either.js'
import * as z from 'zod'
import { describe } from '../../tensor/describe.js'
import { generatorNames } from '../objective/generators/table.js'
import { objectiveNames } from '../objective/table.js'
import { namesNear, pathsNear, showNear } from './near.js'
import { presetNames } from './presets.js'

/** What stands at `path` (keys joined with dots, '' for the whole), and what may stand there. */
export type ConfigProblem = { readonly path: string; readonly found: string; readonly expected: string }

const number = (expected: string, accepts: (x: number) => boolean) =>
  z.number({ error: expected }).refine(accepts, { error: expected })

const largestInteger = 2 ** 31 - 1

const integer = (least: number, most = largestInteger) =>
  number(`an integer from ${least} to ${most}`, (x) => Number.isInteger(x) && x >= least && x <= most)

/** Widths and lengths: beyond any machine already. */
const extent = (least = 1) => integer(least, 2 ** 20)

/** What is gone through one by one when a program is made: a thousand layers are a large program. */
export const mostLayers = 1000
const mostShards = 2 ** 12

const positive = number('a number above 0', (x) => x > 0 && x < Infinity)
const notNegative = number('a number of at least 0', (x) => x >= 0 && x < Infinity)
const probability = number('a number from 0 to 1', (x) => x >= 0 && x <= 1)
const rate = number('a number of at least 0 and below 1', (x) => x >= 0 && x < 1)

const section = <S extends z.core.$ZodLooseShape>(shape: S) =>
  z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : 'an object') })

/** Sizes that follow from others where they are not given. */
const derivedSizes = {
  embeddingSize: extent().optional(),
  heads: extent().optional(),
  feedForwardSize: extent().optional()
}

/** Where attention starts. */
export const initialAttentions = ['flat', 'local', 'mixed'] as const

export type InitialAttention = (typeof initialAttentions)[number]

const modelShape = {
  hiddenSize: extent(),
  layers: integer(1, mostLayers),
  maxPositions: extent(),
  typeVocabSize: extent(2),
  hiddenDropout: rate,
  attentionDropout: rate,
  layerNormEps: positive,
  initializerRange: positive,
  initialAttention: z.enum(initialAttentions, { error: "'flat', 'local' or 'mixed'" }).optional()
}

const generatorShape = {
  kind: z.enum(generatorNames, { error: `one of ${generatorNames.join(', ')}` }).optional(),
  hiddenMultiplier: positive.optional(),
  layersMultiplier: positive.optional(),
  hiddenSize: extent().optional(),
  layers: integer(1, mostLayers).optional(),
  heads: extent().optional(),
  feedForwardSize: extent().optional()
}

const optimizerShape = {
  learningRate: positive,
  warmupSteps: integer(0),
  decayPower: notNegative,
  weightDecay: notNegative,
  b1: rate,
  b2: rate,
  eps: positive,
  clipNorm: positive
}

const trainingShape = {
  steps: integer(1),
  checkpointEvery: integer(1),
  keepCheckpoints: integer(1),
  evaluationBatches: integer(1)
}

/** How text is laid into rows. */
export const packings = ['segments', 'running'] as const

export type Packing = (typeof packings)[number]

/** What generator and main network have in common. */
export const sharings = ['embeddings', 'none', 'all'] as const

export type Sharing = (typeof sharings)[number]

const objectiveExpected = (found: unknown): string =>
  `one of ${objectiveNames.join(', ')}${typeof found === 'string' ? showNear(namesNear(found, objectiveNames)) : ''}`

const topShape = {
  name: z.string({ error: 'a short text' }).min(1, { error: 'a short text' }).max(100, { error: 'a short text' }),
  objective: z.enum(objectiveNames, { error: ({ input }) => objectiveExpected(input) }),
  sharing: z.enum(sharings, { error: "'embeddings', 'none' or 'all'" }).optional(),
  packing: z.enum(packings, { error: "'segments' or 'running'" }).optional(),
  sequenceLength: extent(5),
  batchSize: extent(),
  shards: integer(1, mostShards),
  maskProbability: rate,
  replaceProbability: probability,
  randomProbability: probability.optional(),
  sampleWithReplacement: z.boolean({ error: 'true or false' }),
  temperature: positive,
  disallowCorrect: z.boolean({ error: 'true or false' }).optional(),
  generatorWeight: notNegative,
  discriminatorWeight: notNegative,
  maskedLmWeight: notNegative.optional(),
  baselineWeight: notNegative.optional()
}

const presetExpected = (found: unknown): string =>
  `one of ${presetNames.join(', ')}${typeof found === 'string' ? showNear(namesNear(found, presetNames)) : ''}`

/** Everything that has to be given; what is optional here is derived. */
export const completeSchema = section({
  ...topShape,
  model: section({ ...modelShape, ...derivedSizes }),
  generator: section(generatorShape).optional(),
  optimizer: section(optimizerShape),
  training: section(trainingShape)
})

/** What differs from a preset. */
export const overridesSchema = section({
  ...section(topShape).partial().shape,
  extends: z.enum(presetNames, { error: ({ input }) => presetExpected(input) }),
  model: section({ ...modelShape, ...derivedSizes })
    .partial()
    .optional(),
  generator: section(generatorShape).optional(),
  optimizer: section(optimizerShape).partial().optional(),
  training: section(trainingShape).partial().optional()
})

export type CompleteInput = z.infer<typeof completeSchema>

export type OverridesInput = z.infer<typeof overridesSchema>

const inSection = (name: string, shape: z.core.$ZodLooseShape): ReadonlyArray<readonly [string, z.ZodType]> =>
  Object.entries(shape).map(([key, schema]) => [`${name}.${key}`, schema as z.ZodType] as const)

/** What a schema says of a value that it never takes. */
const expectedBy = (schema: z.ZodType): string => schema.safeParse(Symbol('none')).error?.issues[0]?.message ?? ''

export type ConfigKey = {
  /** Section and key joined with a dot. */
  readonly path: string
  readonly schema: z.ZodType
  /** What it accepts, in the words of its error. */
  readonly accepts: string
}

/** Every key that holds a value, in the order of a file. */
export const configKeys: ReadonlyArray<ConfigKey> = [
  ...Object.entries(topShape),
  ...inSection('model', { ...modelShape, ...derivedSizes }),
  ...inSection('generator', generatorShape),
  ...inSection('optimizer', optimizerShape),
  ...inSection('training', trainingShape)
].map(([path, schema]) => ({ path, schema, accepts: expectedBy(schema) }))

const validPaths: ReadonlyArray<string> = [
  'extends',
  'model',
  'generator',
  'optimizer',
  'training',
  ...configKeys.map(({ path }) => path)
]

const shownKey = (path: string): string => describe(path).slice(1, -1)

/** Keys that are compared with all known ones: more than a person has mistaken. */
const mostCompared = 10

/** `known`: what may stand in its place. */
export const unknownKey = (path: string, known: ReadonlyArray<string> = validPaths): ConfigProblem => ({
  path: shownKey(path),
  found: 'an unknown key',
  expected: `a known one${showNear(pathsNear(path, known)) || ' (`pure-electra config NAME` lists them)'}`
})

/** What stands there in a JSON value. */
export const valueAt = (input: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    input
  )

/** A value of the schema's form, or what is wrong: one problem for each path. */
export const checkForm = <A>(schema: z.ZodType<A>, input: unknown): E.Either<ReadonlyArray<ConfigProblem>, A> => {
  const parsed = schema.safeParse(input)
  if (parsed.success) return E.right(parsed.data)
  const problems = parsed.error.issues.flatMap((issue): ReadonlyArray<ConfigProblem> => {
    const path = issue.path.join('.')
    const below = (key: string): string => (path === '' ? key : `${path}.${key}`)
    return issue.code === 'unrecognized_keys'
      ? issue.keys.map((key, i) => unknownKey(below(key), i < mostCompared ? validPaths : []))
      : [{ path, found: describe(valueAt(input, issue.path)), expected: issue.message }]
  })
  return E.left([...new Map(problems.map((p) => [p.path, p])).values()])
}
