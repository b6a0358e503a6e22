/**
 * Running programs on many threads: the public face of `src/workers`.
 */

export { prepareStep, type Arrays, type Evaluation, type Fold, type Step, type Stepped } from './fold/data-parallel.js'
export { showWorkerError, type Loss, type WorkerError } from './error.js'
export { inProcess } from './pool/in-process.js'
export type { Replaced } from './pool/supervised-worker.js'
export { alignment, layOut, type Layout, type Place, type PerSpec } from './pool/layout.js'
export { memoryFields, plannedBytes, type MemoryPlan } from './fold/memory-plan.js'
export { allocateSlots, freeSlots, readSlots, view, writeSlots, type Slot } from './pool/memory.js'
export type { Pool } from './pool/pool.js'
export { launchOf, type Launch } from './ranks/launch.js'
export { acquireRanks, describeMpi } from './ranks/mpi.js'
export { any, shareBytes, solo, together, type Ranks } from './ranks/ranks.js'
export type { DeviceFacts, ProgramId, Task } from './pool/runner.js'
export type { Execution } from './fold/shard-plan.js'
export { prepareShardedSum, type ShardedSum } from './fold/sharded-sum.js'
export { acquirePool, defaultPatience, withPool, type Patience, type PoolOptions } from './pool/threads.js'
export { foldTree, treeSumProgram } from './fold/tree-sum.js'
