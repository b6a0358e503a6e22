/**
 * Running programs on many threads, and in many processes: the public face of `src/workers`.
 */

// The fold: a step over the shards of a batch, and who makes it
export type { Arrays, Evaluation, FlatUpdate, Fold, FoldMaker, Step, StepOutputs } from './fold/fold.js'
export { pooledFold } from './fold/pooled-fold.js'
export { acquireFolds, withFolds, type HeldFolds, type Where } from './fold/held-folds.js'
export type { Execution } from './fold/shard-plan.js'
export { prepareShardedSum, type ShardedSum } from './fold/sharded-sum.js'
export { memoryFields, plannedBytes, type MemoryPlan } from './fold/memory-plan.js'

// Pools of threads
export { acquirePool, defaultPatience, withPool, type Patience, type PoolOptions } from './pool/threads.js'
export { inProcess } from './pool/in-process.js'
export type { Pool } from './pool/pool.js'
export type { Replaced } from './pool/supervised-worker.js'

// What a pool is asked to run, and the arrays in its memory that this reads and writes
export type { DeviceFacts, ProgramId, ProgramTask } from './pool/runner.js'
export { allocateSlots, freeSlots, readSlots, writeSlots, type Slot } from './pool/memory.js'

// Several processes
export { acquireRanks, describeMpi } from './ranks/mpi.js'
export { launchOf, type Launch } from './ranks/launch.js'
export { solo, type Ranks } from './ranks/ranks.js'

export { showWorkerError, type Loss, type WorkerError } from './error.js'
