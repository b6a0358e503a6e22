/**
 * The programs of a pre-training step, cut to one shard and compiled on one device.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Device, DeviceError, Executable, Program, TensorError, Timing } from '../../tensor/index.js'
import type { ElectraConfig } from '../config/config.js'
import { objectiveOf } from '../objective/table.js'
import { drawnPieces } from '../objective/pieces.js'
import { pretrainingPrograms, type PretrainingPrograms } from '../pretraining/programs.js'

export type StepSettings = {
  readonly config: ElectraConfig
  /** All pieces of the corpus at least, and some beside the special ones. */
  readonly vocabSize: number
  /** Examples in the shard, in place of the configuration's. */
  readonly examples: number
}

export type ProgramName = 'shardGrad' | 'update'

export type LoadedProgram = {
  readonly name: ProgramName
  readonly executable: Executable<Timing>
  /** For fusing and planning it, and for generating and compiling its code. */
  readonly loadSeconds: number
}

export type LoadedStep = {
  /** The configuration with the shard as its whole batch. */
  readonly config: ElectraConfig
  readonly programs: PretrainingPrograms
  /** For tracing and differentiating all programs of a run. */
  readonly traceSeconds: number
  readonly shardGrad: LoadedProgram
  readonly update: LoadedProgram
}

const secondsSince = (start: number): number => (performance.now() - start) / 1000

const loadProgram = (device: Device, name: ProgramName, program: Program): E.Either<DeviceError, LoadedProgram> => {
  const start = performance.now()
  return pipe(
    device.load(program),
    E.map((executable) => ({ name, executable, loadSeconds: secondsSince(start) }))
  )
}

/** Where the schedule ends: any length makes programs of the same sizes. */
const totalSteps = 10_000

/** Compiles a step. */
export const loadStep = (
  device: Device,
  { config: whole, vocabSize, examples }: StepSettings
): E.Either<DeviceError | TensorError, LoadedStep> => {
  const config = { ...whole, batchSize: examples, shards: 1 }
  const start = performance.now()
  return pipe(
    pretrainingPrograms(config, objectiveOf(config, drawnPieces(vocabSize)), totalSteps),
    E.map((programs) => ({ config, programs, traceSeconds: secondsSince(start) })),
    E.bindW(
      'shardGrad',
      ({
        programs: {
          stages: [{ step }]
        }
      }) => loadProgram(device, 'shardGrad', step.shardGrad.program)
    ),
    E.bindW(
      'update',
      ({
        programs: {
          stages: [{ step }]
        }
      }) => loadProgram(device, 'update', step.update.program)
    )
  )
}
