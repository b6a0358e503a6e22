/**
 * Configurations: everything about a run except its corpus, its seed and its machine.
 */

import type { ObjectiveName } from '../objective/table.js'
import type { GeneratorName } from '../objective/generators/table.js'
import type { ConfigProblem, InitialAttention, Packing, Sharing } from './schema.js'

/** The sizes of one encoder. `heads` divides `hiddenSize`. */
export type EncoderSize = {
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly feedForwardSize: number
}

/** The main network, and what all networks have alike. */
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
   * Where attention starts: `flat`, as drawn; `local`, each head on one neighbour: the token before, the one behind, the one
   * before the last, and so on; or `mixed`, the first half of the heads local, and the others as drawn: they see the whole text.
   * Absent is `flat`. A small model that starts flat spends thousands of steps on finding out that neighbours matter. `local` and
   * `mixed` need an even embedding width, and heads of an even one.
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
  /** What is learnt. */
  readonly objective: ObjectiveName
  readonly model: ModelConfig
  /** The model's own sizes, where the objective has no other. */
  readonly generator: EncoderSize & {
    /** What proposes tokens. Absent is `masked-lm`. */
    readonly kind?: GeneratorName
  }
  /**
   * What generator and main network have in common: the `embeddings`, all of them; `none` of it; or `all` but the heads. Absent is
   * `embeddings`.
   */
  readonly sharing?: Sharing
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
  /** How many of the chosen positions show a random piece: 0.1 with BERT's own 80, 10, 10. Absent is 0, as in the published code. */
  readonly randomProbability?: number
  readonly sampleWithReplacement: boolean
  readonly temperature: number
  /** Whether samples are never the tokens that they replace. Absent is false. */
  readonly disallowCorrect?: boolean
  readonly generatorWeight: number
  readonly discriminatorWeight: number
  /** Of the masked-LM loss beside an adversarial generator's own. Absent is 0. */
  readonly maskedLmWeight?: number
  /** Of the loss of an adversarial generator's baseline. Absent is 1. */
  readonly baselineWeight?: number
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

export const invalidConfig = (problems: ReadonlyArray<ConfigProblem>): ConfigError => ({
  _tag: 'InvalidConfig',
  problems
})
