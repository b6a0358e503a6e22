/** ELECTRA: data, models, objectives, pre-training. The public face of `src/electra`: what browsers have too, and files. */

export * from './browser.js'

export { buildCorpus, defaultRecipe, type CorpusProgress, type CorpusRecipe } from './data/corpus/builder.js'
export { showCorpusError, type CorpusError } from './data/corpus-error.js'
export { openCorpus, type Corpus } from './data/corpus/corpus.js'
export { openTokenizer, type EncodedText, type Tokenizer } from './data/vocabulary/tokenizer.js'

export { pretrain, type PretrainOptions } from './pretraining/pretrain.js'
export { trainThen } from './training/train.js'
export type { RunError, RunEvent, RunOptions, RunResult } from './training/run.js'

export { loadCheckpoint, latestCheckpoint, saveCheckpoint, type Checkpoint } from './store/checkpoints/checkpoint.js'
export { sha256OfTensors } from './store/digest.js'
export { showStoreError, type StoreError } from './store/errors.js'
export { exportModel, importModel, type ModelFiles, type TrainedModel } from './store/models/model-files.js'
export { exportTaskModel, importTaskModel, type FineTunedModel } from './store/models/task-model-files.js'
