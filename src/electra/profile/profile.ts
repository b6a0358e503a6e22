/**
 * Where the time of a pre-training step goes: its programs on one device, kernel by kernel.
 *
 * What a kernel computes and moves is what its program says; its time is the median over some rounds.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Device, DeviceError, TensorError } from '../../tensor/index.js'
import { halvesIn } from '../../tensor/program/explain.js'
import type { FusedProgram } from '../../tensor/program/fused.js'
import { median } from '../statistics/moments.js'
import type { WorkerError } from '../../workers/index.js'
import type { Corpus } from '../data/corpus/corpus.js'
import type { InputsError } from '../training/problem.js'
import { runKeys } from '../pretraining/keys.js'
import { groupKernels, type KernelGroup } from './cost.js'
import { measureLimits, type Limits } from './limits.js'
import { runRounds } from './rounds.js'
import { shardToProfile } from './shard.js'
import { loadStep, plannedBytes, type LoadedProgram, type ProgramName, type StepSettings } from './step.js'
import type { Clock, Timed } from './timed.js'

export type ProfileSettings = StepSettings & {
  /** Where the tokens come from; without one they are drawn at random. */
  readonly corpus: Corpus | undefined
  readonly rounds: number
  readonly seed: number
}

export type ProfileError = WorkerError | TensorError | InputsError

export type ProgramProfile = {
  readonly name: ProgramName
  readonly loadSeconds: number
  readonly workingBytes: number
  readonly launches?: number
  /** See `halvesIn`. */
  readonly halves?: ReturnType<typeof halvesIn>
  /** Of a whole run. What the kernels do not take goes into finding every array before them, and into the first of them. */
  readonly seconds: number
  /** Most time first. */
  readonly groups: ReadonlyArray<KernelGroup>
}

export type Profile = {
  /** Whose clock timed the kernels. */
  readonly clock: Clock
  readonly traceSeconds: number
  readonly programs: ReadonlyArray<ProgramProfile>
  /** Of the device's memory: two states, gradients, the shard, and working memory. */
  readonly plannedBytes: number
  /** The most that the process had by the end of the rounds. */
  readonly peakBytes: number
  readonly limits: Limits
}

const profileOf = (
  { name, executable, loadSeconds }: LoadedProgram,
  program: FusedProgram,
  rounds: ReadonlyArray<Timed>
): ProgramProfile => ({
  name,
  loadSeconds,
  workingBytes: executable.workingBytes,
  launches: executable.launches,
  seconds: median(rounds.map(({ whole }) => whole)),
  halves: halvesIn(executable),
  groups: groupKernels(
    { ...program, halves: executable.halves },
    executable.limits,
    program.kernels.map((_, k) => median(rounds.map(({ kernels }) => kernels[k])))
  )
})

const kernelsOf = (device: Device, { executable }: LoadedProgram): E.Either<DeviceError, FusedProgram> =>
  executable.kernels === undefined
    ? E.left({
        _tag: 'Unsupported',
        device: device.name,
        found: 'no kernels to profile, since it interprets programs',
        expected: 'a device that compiles them, such as wasm'
      })
    : E.right(executable.kernels)

/**
 * Compiles the step, runs it, and measures the limits, in this order: the measurement of limits needs memory of its own.
 *
 * Fails with `Unsupported` on a device that has no kernels.
 */
export const profile = (device: Device, settings: ProfileSettings): TaskEither<ProfileError, Profile> => {
  const keys = runKeys(settings.seed)
  return pipe(
    loadStep(device, settings),
    TE.chainW((step) => {
      const measured = pipe(
        TE.fromEither(kernelsOf(device, step.shardGrad)),
        TE.bindTo('gradient'),
        TE.bindW('update', () => TE.fromEither(kernelsOf(device, step.update))),
        TE.bindW('shard', () => TE.fromEither(shardToProfile(step.config, settings, keys))),
        TE.bindW('rounds', ({ shard }) => runRounds(device, step, shard, keys.parameters, settings.rounds)),
        TE.map(({ gradient, update, rounds }) => ({
          clock: rounds.shardGrad.every(({ clock }) => clock === 'device') ? ('device' as const) : ('process' as const),
          traceSeconds: step.traceSeconds,
          programs: [
            profileOf(step.shardGrad, gradient, rounds.shardGrad),
            profileOf(step.update, update, rounds.update)
          ],
          plannedBytes: plannedBytes(device, step),
          peakBytes: process.resourceUsage().maxRSS * 1024
        }))
      )
      return () => measured().finally(step.release)
    }),
    TE.bindW('limits', () => measureLimits(device))
  )
}
