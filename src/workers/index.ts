/**
 * Running programs on many threads: the public face of `src/workers`.
 */

export { prepareStep, type Arrays, type Evaluation, type Fold, type Step, type Stepped } from './data-parallel.js'
export { showWorkerError, type Loss, type WorkerError } from './error.js'
export { inProcess } from './in-process.js'
export type { Replaced } from './lasting.js'
export { alignment, layOut, type Layout, type Place, type PerSpec } from './layout.js'
export { plannedBytes, showMemoryPlan, type MemoryPlan } from './memory-plan.js'
export { allocateSlots, freeSlots, readSlots, view, writeSlots, type Slot } from './memory.js'
export type { Pool } from './pool.js'
export { launchOf, type Launch } from './launch.js'
export { acquireRanks, describeMpi } from './mpi.js'
export { any, shareBytes, solo, together, type Ranks } from './ranks.js'
export type { DeviceFacts, ProgramId, Task } from './runner.js'
export { prepareShardedSum, type Carrying, type ShardedSum } from './sharded-sum.js'
export { acquirePool, defaultPatience, withPool, type Patience, type PoolOptions } from './threads.js'
export { foldTree, treeSumProgram } from './tree-sum.js'
