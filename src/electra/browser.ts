/**
 * What of ELECTRA needs no files and nothing else of Node.js: `pure-electra/electra` as browsers import it.
 *
 * A corpus is held in memory; `decodeSentences` and `parseVocabulary` read the files of one that was built elsewhere.
 */

export {
  showConfigError,
  type ConfigError,
  type ElectraConfig,
  type EncoderSize,
  type ModelConfig
} from './config/config.js'
export { parseConfig, presetConfig, resolveConfig } from './config/resolve.js'
export { presetNames, type PresetName } from './config/presets.js'

export { batchStream, type Batch, type BatchStream } from './data/examples/batches.js'
export type { EncodedCorpus } from './data/encoded-corpus.js'
export { keyedCoins, packExamples, type Examples } from './data/examples/examples.js'
export { maskBatch, officialMasking, type Masked, type MaskingOptions } from './data/examples/masking.js'
export { decodeSentences, encodeSentences, type Sentences } from './data/sentences.js'
export { parseVocabulary, vocabularyOf, type Vocabulary } from './data/vocabulary/vocabulary.js'

export { countRecipe, type NetworkCount, type RecipeCount } from './flops/count.js'
export { forwardCount, published, type Accounting, type ForwardCount } from './flops/forward.js'
export { networkOf, networksOf, type Network, type NetworkSize, type Output } from './flops/network.js'
export { publishedRows, type PublishedName, type PublishedRow } from './flops/published.js'
export { generatorShare, inferenceFlops, stepFlops, trainingFlops, type Recipe } from './flops/training.js'

export { embed, encode, type Body, type BodyOptions, type BodySize, type Embeddings } from './model/body.js'
export { discriminatorSpec, predictReplaced, type Discriminator } from './model/discriminator.js'
export { generatorSpec, predictTokens, type Generator, type MaskedLanguageModel } from './model/generator.js'

export { shardBatchSpec, type Denominators, type ShardBatch } from './objective/batch.js'
export { objectiveNames, objectiveOf, objectives, type ObjectiveName } from './objective/table.js'
export { corrupt, sampleTokens, type Corrupted } from './objective/corruption.js'
export { maskedLmObjective } from './objective/masked-lm.js'
export type { ForwardMode, MetricSums, Objective, ObjectiveKind, ShardLoss, Stage } from './objective/objective.js'
export type { Pieces } from './objective/pieces.js'
export {
  jointForward,
  replacedTokenObjective,
  type JointForward,
  type JointParams
} from './objective/replaced-token.js'
export { corruptedInput, samplerOf, type Sampler } from './objective/corrupted-input.js'
export type { Generator as TokenGenerator, Proposal } from './objective/generators/generator.js'
export { generatorNames, generatorOf, generators, type GeneratorName } from './objective/generators/table.js'

export type { Column, Report } from './training/columns.js'
export type { Evaluation, Phase, Problem, TrainingState } from './training/problem.js'
export { openSession, type Session, type StepReport } from './training/session.js'
export { piecesOf, pretrainingProblem, type RunSettings } from './pretraining/problem.js'
export { pretrainingPrograms, type PretrainingPrograms } from './pretraining/programs.js'
export { pretrainingSession } from './pretraining/session.js'

export { sentenceClassifier, sentenceRegressor } from './tasks/heads/sentence.js'
export { independentSpans, jointSpans } from './tasks/heads/span.js'
export { tagger } from './tasks/heads/tagging.js'
export type { HeadKind } from './store/models/hf-task-config.js'
export type { TaskLoss, TaskNetwork } from './tasks/heads/task-network.js'

export { discriminatorFrom, suspicions, type TrainedDiscriminator } from './predict.js'
export { verify, type Comparison, type Verification } from './verify/verify.js'
