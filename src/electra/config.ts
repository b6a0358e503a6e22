/**
 * Configurations: everything about a run except its corpus, its seed and its machine.
 *
 * A file says `{ "extends": "small", ... }` and what differs, or everything. Resolving it fills in the sizes that follow
 * from others, so that the resolved record says all, and is a file itself that resolves to the same record.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { parseJson, showJsonError } from '../tensor/strict-json.js'
import { checkForm, completeSchema, overridesSchema } from './config-schema.js'
import type { CompleteInput, ConfigProblem, InitialAttention, OverridesInput, Packing } from './config-schema.js'
import { applySettings } from './config-settings.js'
import { slotsOf } from './data/masking.js'
import { presets, type PresetName } from './presets.js'
import { roundHalfToEven } from './rounding.js'

/** The sizes of one encoder. `heads` divides `hiddenSize`. */
export type EncoderSize = {
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly feedForwardSize: number
}

/** The discriminator, and what both networks have alike. With the objective `mlm`, the one network. */
export type ModelConfig = EncoderSize & {
  readonly embeddingSize: number
  readonly maxPositions: number
  readonly typeVocabSize: number
  readonly hiddenDropout: number
  readonly attentionDropout: number
  readonly layerNormEps: number
  /** Standard deviation before truncation. */
  readonly initializerRange: number
  /**
   * Where attention starts: `flat`, as drawn, or `local`, each head on one neighbour: the token before, the one behind, the one
   * before the last, and so on. Absent is `flat`. A small model that starts flat spends thousands of steps on finding out that
   * neighbours matter. `local` needs an even embedding width, and heads of an even one.
   */
  readonly initialAttention?: InitialAttention
}

export type OptimizerConfig = {
  readonly learningRate: number
  readonly warmupSteps: number
  readonly decayPower: number
  readonly weightDecay: number
  readonly b1: number
  readonly b2: number
  readonly eps: number
  readonly clipNorm: number
}

/** Defaults for how a run is driven. None of it changes what a step computes, except `steps`, where the schedule ends. */
export type TrainingConfig = {
  readonly steps: number
  readonly checkpointEvery: number
  readonly keepCheckpoints: number
  readonly evaluationBatches: number
}

export type ElectraConfig = {
  readonly name: string
  /** Replaced-token detection, or the masked-LM baseline at the discriminator's size. */
  readonly objective: 'electra' | 'mlm'
  readonly model: ModelConfig
  /** With the objective `mlm`, the model's own sizes. */
  readonly generator: EncoderSize
  /**
   * How text is laid into rows: in two segments by the original's rule (`segments`), which discards what does not fit, or cut
   * where a row is full (`running`), which keeps every token.
   */
  readonly packing: Packing
  readonly sequenceLength: number
  readonly batchSize: number
  /** Parts into which a batch is cut, whatever the number of workers. Divides `batchSize`. */
  readonly shards: number
  readonly maskProbability: number
  /** How many of the chosen positions show [MASK]; the others keep their token. */
  readonly replaceProbability: number
  readonly sampleWithReplacement: boolean
  readonly temperature: number
  readonly generatorWeight: number
  readonly discriminatorWeight: number
  readonly optimizer: OptimizerConfig
  readonly training: TrainingConfig
}

export type ConfigError = {
  readonly _tag: 'InvalidConfig'
  /** All of them; problems of form (keys and types) come before problems of meaning. */
  readonly problems: ReadonlyArray<ConfigProblem>
}

/** A file that is something else altogether has a problem in every line. */
const mostShown = 10

export const showConfigError = ({ problems }: ConfigError): string =>
  [
    `the configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:`,
    ...problems
      .slice(0, mostShown)
      .map((p) => `  ${p.path === '' ? 'the whole' : p.path}: found ${p.found}, expected ${p.expected}`),
    ...(problems.length > mostShown ? [`  and ${problems.length - mostShown} more`] : [])
  ].join('\n')

const invalid = (problems: ReadonlyArray<ConfigProblem>): ConfigError => ({ _tag: 'InvalidConfig', problems })

// ------------------------------------------------------------- derived sizes

/** Width of a head wherever the number of heads is not given. */
const headSize = 64

const headsFor = (hiddenSize: number): number => Math.max(1, Math.floor(hiddenSize / headSize))

const modelOf = ({ model }: CompleteInput): ModelConfig => ({
  ...model,
  embeddingSize: model.embeddingSize ?? model.hiddenSize,
  heads: model.heads ?? headsFor(model.hiddenSize),
  feedForwardSize: model.feedForwardSize ?? 4 * model.hiddenSize
})

/**
 * `h_g = round(h m_h)`, `n_g = round(n m_n)`, then heads and feed-forward width from `h_g`: those of the model do not
 * reach the generator. The published code's `m_h = 1/4` and `m_n = 1`, unless given.
 */
const generatorOf = (model: ModelConfig, given: CompleteInput['generator'] = {}): EncoderSize => {
  const hiddenSize = given.hiddenSize ?? roundHalfToEven(model.hiddenSize * (given.hiddenMultiplier ?? 0.25))
  return {
    hiddenSize,
    layers: given.layers ?? roundHalfToEven(model.layers * (given.layersMultiplier ?? 1)),
    heads: given.heads ?? headsFor(hiddenSize),
    feedForwardSize: given.feedForwardSize ?? 4 * hiddenSize
  }
}

const sizeOnly = ({ hiddenSize, layers, heads, feedForwardSize }: EncoderSize): EncoderSize => ({
  hiddenSize,
  layers,
  heads,
  feedForwardSize
})

const fillIn = (input: CompleteInput): ElectraConfig => {
  const model = modelOf(input)
  return {
    ...input,
    packing: input.packing ?? 'segments',
    model,
    generator: input.objective === 'mlm' ? sizeOnly(model) : generatorOf(model, input.generator)
  }
}

// ------------------------------------------------------- problems of meaning

const headProblems = (where: string, { hiddenSize, heads }: EncoderSize): ReadonlyArray<ConfigProblem> =>
  hiddenSize % heads === 0
    ? []
    : [{ path: `${where}.heads`, found: String(heads), expected: `a divisor of ${where}.hiddenSize, ${hiddenSize}` }]

/** Sizes that a multiplier can bring down to nothing. */
const sizeProblems = ({ hiddenSize, layers }: EncoderSize): ReadonlyArray<ConfigProblem> =>
  Object.entries({ hiddenSize, layers })
    .filter(([, value]) => value < 1)
    .map(([key, value]) => ({
      path: `generator.${key}`,
      found: `${value}, derived from the model's`,
      expected: 'at least 1'
    }))

/** Attention that starts local reads pairs of a sine and a cosine in every head. */
const pairProblems = ({ model, generator }: ElectraConfig): ReadonlyArray<ConfigProblem> => {
  const isOfPairs = ({ hiddenSize, heads }: EncoderSize): boolean => (hiddenSize / heads) % 2 === 0
  const problem = (path: string, found: number, expected: string): ConfigProblem => ({
    path,
    found: String(found),
    expected: `${expected} with model.initialAttention 'local'`
  })
  return [
    ...(model.embeddingSize % 2 === 0 ? [] : [problem('model.embeddingSize', model.embeddingSize, 'an even number')]),
    ...[['model', model] as const, ['generator', generator] as const]
      .filter(([, size]) => !isOfPairs(size))
      .map(([where, { hiddenSize }]) => problem(`${where}.hiddenSize`, hiddenSize, 'an even number for each head'))
  ]
}

const problemsOfMeaning = (c: ElectraConfig): ReadonlyArray<ConfigProblem> => {
  const unless = (holds: boolean, path: string, found: unknown, expected: string): ReadonlyArray<ConfigProblem> =>
    holds ? [] : [{ path, found: String(found), expected }]
  return [
    ...headProblems('model', c.model),
    ...(c.objective === 'mlm' ? [] : [...sizeProblems(c.generator), ...headProblems('generator', c.generator)]),
    ...(c.model.initialAttention === 'local' ? pairProblems(c) : []),
    ...unless(
      c.sequenceLength <= c.model.maxPositions,
      'sequenceLength',
      c.sequenceLength,
      `at most model.maxPositions, ${c.model.maxPositions}`
    ),
    ...unless(c.batchSize % c.shards === 0, 'shards', c.shards, `a divisor of batchSize, ${c.batchSize}`),
    ...unless(
      slotsOf(c.maskProbability, c.sequenceLength) >= 1,
      'maskProbability',
      c.maskProbability,
      `enough to mask one of ${c.sequenceLength} tokens`
    ),
    ...unless(
      c.generatorWeight > 0 || c.discriminatorWeight > 0,
      'discriminatorWeight',
      'both weights 0',
      'one of generatorWeight and discriminatorWeight above 0'
    )
  ]
}

/** Contradictions within one file, which merging and filling in would hide. */
const contradictions = (
  file: CompleteInput | OverridesInput,
  resolved: ElectraConfig
): ReadonlyArray<ConfigProblem> => {
  const given = file.generator ?? {}
  const both = (multiplier: 'hiddenMultiplier' | 'layersMultiplier', size: 'hiddenSize' | 'layers') =>
    given[multiplier] !== undefined && given[size] !== undefined
      ? [{ path: `generator.${multiplier}`, found: `generator.${size} as well`, expected: 'one of the two' }]
      : []
  const different = Object.entries(given).filter(
    ([key, value]) => value !== undefined && value !== (resolved.model as Record<string, unknown>)[key]
  )
  return [
    ...both('hiddenMultiplier', 'hiddenSize'),
    ...both('layersMultiplier', 'layers'),
    ...(resolved.objective === 'mlm' ? different : []).map(([key, value]) => ({
      path: `generator.${key}`,
      found: String(value),
      expected: "nothing: the objective 'mlm' trains one network, of the model's size"
    }))
  ]
}

// ------------------------------------------------------------------ resolving

/** A multiplier replaces the preset's size, as a size replaces its multiplier. */
const mergeGenerator = (
  base: CompleteInput['generator'] = {},
  given: OverridesInput['generator'] = {}
): CompleteInput['generator'] => ({
  ...base,
  ...(given.hiddenMultiplier === undefined ? {} : { hiddenSize: undefined }),
  ...(given.layersMultiplier === undefined ? {} : { layers: undefined }),
  ...given
})

const merge = ({ extends: preset, ...given }: OverridesInput): CompleteInput => {
  const base = presets[preset]
  return {
    ...base,
    // A recipe keeps its name only while nothing about it is changed.
    ...(Object.keys(given).length === 0 ? {} : { name: `${base.name}, changed` }),
    ...given,
    model: { ...base.model, ...given.model },
    generator: mergeGenerator(base.generator, given.generator),
    optimizer: { ...base.optimizer, ...given.optimizer },
    training: { ...base.training, ...given.training }
  }
}

const namesPreset = (input: unknown): boolean => typeof input === 'object' && input !== null && 'extends' in input

type Read = { readonly file: CompleteInput | OverridesInput; readonly complete: CompleteInput }

const read = (input: unknown): E.Either<ReadonlyArray<ConfigProblem>, Read> =>
  namesPreset(input)
    ? pipe(
        checkForm(overridesSchema, input),
        E.chain((file) =>
          pipe(
            checkForm(completeSchema, merge(file)),
            E.map((complete) => ({ file, complete }))
          )
        )
      )
    : pipe(
        checkForm(completeSchema, input),
        E.map((complete) => ({ file: complete, complete }))
      )

/**
 * The configuration that a file's JSON value describes.
 *
 * Where not given: `heads = max(1, h div 64)`, `feedForwardSize = 4 h`, `embeddingSize = h`, and the generator's sizes from
 * its multipliers, all after the file's own values have replaced the preset's. A file without `extends` must give
 * everything else. Fails with every problem there is: of form first, and of meaning once the form is right.
 */
export const resolveConfig = (input: unknown): E.Either<ConfigError, ElectraConfig> =>
  pipe(
    read(input),
    E.chain(({ file, complete }) => {
      const config = fillIn(complete)
      const problems = [...contradictions(file, config), ...problemsOfMeaning(config)]
      return problems.length === 0 ? E.right(config) : E.left(problems)
    }),
    E.mapLeft(invalid)
  )

/** Deeper than any configuration. */
const deepestFile = 8

const resolveWith =
  (settings: ReadonlyArray<string>) =>
  (input: unknown): E.Either<ConfigError, ElectraConfig> =>
    pipe(applySettings(settings)(input), E.mapLeft(invalid), E.chain(resolveConfig))

/** The configuration in a file's text, with settings such as `optimizer.learningRate=1e-3` laid over it. */
export const parseConfig = (text: string, settings: ReadonlyArray<string> = []): E.Either<ConfigError, ElectraConfig> =>
  pipe(
    parseJson(deepestFile)(text),
    E.mapLeft((e) => invalid([{ path: '', found: showJsonError(e), expected: 'a JSON object' }])),
    E.chain(resolveWith(settings))
  )

/** A preset as it is, or with settings laid over it. */
export const presetConfig = (
  name: PresetName,
  settings: ReadonlyArray<string> = []
): E.Either<ConfigError, ElectraConfig> => resolveWith(settings)({ extends: name })
