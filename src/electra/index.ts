/** ELECTRA: data, models, objectives, pre-training. The public face of `src/electra`. */

export {
  parseConfig,
  presetConfig,
  resolveConfig,
  showConfigError,
  type ConfigError,
  type ElectraConfig,
  type EncoderSize,
  type ModelConfig
} from './config.js'
export { presetNames, type PresetName } from './presets.js'

export { buildCorpus, defaultRecipe, type CorpusProgress, type CorpusRecipe } from './data/corpus-builder.js'
export { showCorpusError, type CorpusError } from './data/corpus-error.js'
export { openCorpus, type Corpus } from './data/corpus.js'
export { batchStream, type Batch, type BatchStream } from './data/batches.js'
export { keyedCoins, packExamples, type Examples } from './data/examples.js'
export { maskBatch, officialMasking, type Masked, type MaskingOptions } from './data/masking.js'
export { openTokenizer, type EncodedText, type Tokenizer } from './data/tokenizer.js'
export { parseVocabulary, type Vocabulary } from './data/vocabulary.js'

export { embed, encode, type Body, type BodyOptions, type BodySize, type Embeddings } from './model/body.js'
export { discriminatorSpec, predictReplaced, type Discriminator } from './model/discriminator.js'
export { generatorSpec, predictTokens, type Generator, type MaskedLanguageModel } from './model/generator.js'

export { shardBatchSpec, type Denominators, type ShardBatch } from './objective/batch.js'
export { objectiveOf } from './objective/choose.js'
export { corrupt, sampleTokens, type Corrupted } from './objective/corruption.js'
export { maskedLmObjective } from './objective/masked-lm.js'
export type { MetricSums, Objective, Report, Run, ShardLoss } from './objective/objective.js'
export {
  jointForward,
  replacedTokenObjective,
  type JointForward,
  type JointParams,
  type Sampler
} from './objective/replaced-token.js'

export { pretrain, type PretrainError, type PretrainEvent, type PretrainOptions } from './training/pretrain.js'
export { openSession, type RunSettings, type Session, type Stepped } from './training/session.js'
export { pretrainingPrograms, type PretrainingPrograms, type TrainingState } from './training/programs.js'

export { loadCheckpoint, latestCheckpoint, saveCheckpoint, type Checkpoint } from './store/checkpoint.js'
export { sha256OfTensors } from './store/digest.js'
export { showStoreError, type StoreError } from './store/errors.js'
export { exportModel, importModel, type ModelFiles, type TrainedModel } from './store/model-files.js'

export { discriminatorFrom, suspicions, type TrainedDiscriminator } from './predict.js'
export { verify, type Comparison, type Verification } from './verify/verify.js'
