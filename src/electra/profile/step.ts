/**
 * The programs of a pre-training step, cut to one shard and compiled on one device, as training there has them.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Device, DeviceError, Executable, Program, TensorError, Timing } from '../../tensor/index.js'
import { dynamicLossScaling } from '../../nn/index.js'
import { alignedTo } from '../../tensor/alignment.js'
import { bytesPerElement } from '../../tensor/dtype.js'
import { outputSpecs, type Spec } from '../../tensor/program/program.js'
import type { Precision } from '../../tensor/run/device-choice.js'
import type { DeviceBuffers } from '../../tensor/run/device.js'
import { settling } from '../../tensor/run/settling.js'
import { sizeOf } from '../../tensor/shape.js'
import type { Step, WorkerError } from '../../workers/index.js'
import { arrangementOf, type Arrangement } from '../../workers/fold/arrangement.js'
import { stepSpecs, type StepSpecs } from '../../workers/fold/step-specs.js'
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
  /** In mixed precision losses are scaled, as they are in training; float32, where not given. */
  readonly precision?: Precision
}

export type ProgramName = 'shardGrad' | 'update'

export type LoadedProgram = {
  readonly name: ProgramName
  readonly executable: Executable<Timing>
  /** For fusing and planning it, and for generating and compiling its code; a GPU compiles its shaders later. */
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
  /** Draws the parameters. */
  readonly drawing: Executable<Timing>
  readonly specs: StepSpecs
  /** How state and gradients lie, and the update as it takes them. */
  readonly arrangement: Arrangement
  /** Buffers until the step is released. */
  readonly allocate: (specs: ReadonlyArray<Spec>) => TE.TaskEither<DeviceError, DeviceBuffers>
  readonly release: IO<void>
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

/** Threads share one memory, where every array lies by itself; on a GPU those that are updated alike lie side by side. */
const asTrainedOn = (device: Device, step: Step): Step => ('memory' in device ? { ...step, flat: undefined } : step)

/** Buffers that are held until all are released. */
const holding = (device: Device) => {
  const held: Array<DeviceBuffers> = []
  const kept =
    <Args extends ReadonlyArray<unknown>, A extends DeviceBuffers>(
      take: (...args: Args) => TE.TaskEither<DeviceError, A>
    ) =>
    (...args: Args): TE.TaskEither<DeviceError, A> =>
      pipe(
        take(...args),
        TE.map((buffers) => {
          held.push(buffers)
          return buffers
        })
      )
  return {
    allocate: kept(settling(device.allocate)),
    allocateBlock: kept(settling(device.allocateBlock)),
    release: () => held.splice(0).forEach(({ release }) => release())
  }
}

/** Compiles a step. Where arrays lie side by side it needs memory for the gradients. */
export const loadStep = (
  device: Device,
  { config: whole, vocabSize, examples, precision }: StepSettings
): TE.TaskEither<WorkerError | TensorError, LoadedStep> => {
  const config = { ...whole, batchSize: examples, shards: 1 }
  const scaling = precision === 'mixed' ? dynamicLossScaling : undefined
  const buffers = holding(device)
  const start = performance.now()
  return pipe(
    TE.fromEither(pretrainingPrograms(config, objectiveOf(config, drawnPieces(vocabSize)), totalSteps, scaling)),
    TE.map((programs) => ({ programs, step: asTrainedOn(device, programs.stages[0].step) })),
    TE.let('traceSeconds', () => secondsSince(start)),
    TE.bindW('specs', ({ step }) => TE.fromEither(stepSpecs(step))),
    TE.bindW('shardGrad', ({ step }) => TE.fromEither(loadProgram(device, 'shardGrad', step.shardGrad.program))),
    TE.bindW('drawing', ({ programs }) => TE.fromEither(device.load(programs.initial.program))),
    TE.bindW('arrangement', ({ step, specs }) => arrangementOf(buffers, step, specs)),
    TE.bindW('update', ({ arrangement }) => TE.fromEither(loadProgram(device, 'update', arrangement.update.program))),
    TE.map(({ programs, traceSeconds, specs, shardGrad, drawing, arrangement, update }) => ({
      config,
      programs,
      traceSeconds,
      specs,
      shardGrad,
      update,
      drawing,
      arrangement,
      allocate: buffers.allocate,
      release: buffers.release
    })),
    TE.mapLeft((e) => {
      buffers.release()
      return e
    })
  )
}

/** Arrays of a step beside state and gradients. */
type OtherArrays = {
  readonly shard: ReadonlyArray<Spec>
  /** The number of the step, then constants. */
  readonly step: ReadonlyArray<Spec>
  readonly report: ReadonlyArray<Spec>
}

export const otherArrays = ({ programs, specs, arrangement: { update } }: LoadedStep): OtherArrays => {
  const { reads, shardGrad } = programs.stages[0].step
  const { inputs } = update.program
  return {
    shard: shardGrad.program.inputs.slice(reads.length),
    step: [...specs.updateInputs, ...inputs.slice(inputs.length - update.captured.length)],
    report: specs.report
  }
}

/**
 * Bytes of a device's memory: two states, gradients and metrics, what the programs are given, and the most that one of them works with,
 * that which draws the parameters included. Its inputs are copied in for that.
 */
export const plannedBytes = ({ limits, floats }: Device, loaded: LoadedStep): number => {
  const { programs, specs, shardGrad, update, drawing } = loaded
  const sums = outputSpecs(programs.stages[0].step.shardGrad.program)
  const bytesOf = (list: ReadonlyArray<Spec>): number =>
    list
      .map(({ dtype, shape }) => sizeOf(shape) * (dtype === 'bool' ? limits.boolBytes : bytesPerElement(dtype, floats)))
      .map(alignedTo(limits.alignment))
      .reduce((a, b) => a + b, 0)
  const other = otherArrays(loaded)
  const arrays = [...specs.state, ...specs.state, ...sums, ...other.shard, ...other.step, ...other.report]
  const working = [shardGrad, update].map(({ executable }) => executable.workingBytes)
  return bytesOf(arrays) + Math.max(...working, drawing.workingBytes + bytesOf(programs.initial.program.inputs))
}
