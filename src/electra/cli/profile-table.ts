/**
 * A profile for people: kernels by the time that they take, and what they reach of what the machine can do.
 */

import { counted } from '../counted.js'
import { shareOfLimit, totalOf, type Cost, type KernelGroup } from '../profile/cost.js'
import type { Precision } from '../../tensor/run/choose.js'
import type { Limits } from '../profile/limits.js'
import type { Clock } from '../profile/timed.js'
import type { Profile, ProgramProfile } from '../profile/profile.js'
import type { ProgramName } from '../profile/step.js'

/** What was profiled, on what. */
export type ProfileSubject = {
  readonly config: string
  /** Of the shard. */
  readonly examples: number
  readonly sequenceLength: number
  readonly vocabSize: number
  /** Where they come from. */
  readonly tokens: string
  readonly device: string
  readonly multiplier: string
  readonly relaxedSimd: boolean
  readonly precision: Precision
  readonly rounds: number
}

export const programTitles: Readonly<Record<ProgramName, string>> = {
  shardGrad: 'gradient of the shard',
  update: 'update'
}

const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))

/** A number in the three or four significant digits that a measurement may have, `-` where there is none. */
const cell = (value: number, width = 8): string => {
  if (!Number.isFinite(value) || value === 0) return '-'.padStart(width)
  const plain = digits(value)
  return (plain.length <= width ? plain : value.toExponential(1)).padStart(width)
}

const percent = (share: number): string => (Number.isFinite(share) ? `${(100 * share).toFixed(1)}%` : '-').padStart(7)

const heading = `${['ms', 'of time', 'kernels', 'MFLOP', 'MB', 'GFLOP/s', 'GB/s', 'of limit'].map((name) => name.padStart(8)).join(' ')}`

const row = (limits: Limits, whole: number, cost: Cost, what: string): string =>
  [
    cell(1e3 * cost.seconds),
    percent(cost.seconds / whole).padStart(8),
    String(cost.kernels).padStart(8),
    cell(cost.flops / 1e6),
    cell(cost.bytes / 1e6),
    cell(cost.flops / cost.seconds / 1e9),
    cell(cost.bytes / cost.seconds / 1e9),
    percent(shareOfLimit(limits, cost)).padStart(8),
    ` ${what}`
  ].join(' ')

/** Longer descriptions are cut: `--explain` and `--json` have the whole. */
const longest = 120 - heading.length - 2

const cut = (text: string): string => (text.length <= longest ? text : `${text.slice(0, longest - 1)}…`)

/** Kinds of kernels that are added up, and what their sum is called. */
const sums: ReadonlyArray<readonly [kinds: ReadonlyArray<KernelGroup['kind']>, what: string]> = [
  [['contraction'], 'products'],
  [['panels'], 'products and loops by panels'],
  [['loop', 'random'], 'everything else']
]

/** What takes time beside the kernels. */
const besides: Readonly<Record<Clock, string>> = {
  process: 'finding arrays, first kernel',
  device: 'encoding, waiting'
}

const totals = ({ limits, clock }: Profile, { groups, seconds }: ProgramProfile): ReadonlyArray<string> => {
  const all = totalOf(groups)
  const rest = { kernels: 0, flops: 0, bytes: 0, seconds: Math.max(0, seconds - all.seconds) }
  return [
    ...sums.flatMap(([kinds, what]) => {
      const these = groups.filter(({ kind }) => kinds.includes(kind))
      return these.length === 0 ? [] : [row(limits, seconds, totalOf(these), what)]
    }),
    row(limits, seconds, rest, `not in kernels (${besides[clock]})`),
    row(limits, seconds, { ...all, seconds }, 'the whole program')
  ]
}

const showProgram = (profile: Profile, program: ProgramProfile, shown: number): ReadonlyArray<string> => {
  const { limits } = profile
  const { groups, seconds } = program
  const hidden = groups.slice(shown)
  return [
    '',
    programTitles[program.name],
    heading,
    ...groups.slice(0, shown).map((group) => row(limits, seconds, group, cut(group.what))),
    ...(hidden.length === 0 ? [] : [row(limits, seconds, totalOf(hidden), `${hidden.length} more`)]),
    '',
    ...totals(profile, program)
  ]
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

const showSubject = (s: ProfileSubject): string =>
  `${s.config}: ${counted(s.examples, 'example')} of ${counted(s.sequenceLength, 'token')} (${s.tokens}), ${counted(s.vocabSize, 'piece')}\n` +
  `on ${s.device}, matmul ${s.multiplier}${s.relaxedSimd ? ', relaxed SIMD' : ''}${s.precision === 'mixed' ? ', mixed precision' : ''}; ${s.rounds === 1 ? 'one round' : `medians of ${counted(s.rounds, 'round')}`}`

type Titled = Pick<ProgramProfile, 'name' | 'workingBytes' | 'launches' | 'halves'>

const eachTitled =
  <P extends Titled>(programs: ReadonlyArray<P>) =>
  (f: (program: P) => string): string =>
    programs.map((program) => `${f(program)} (${programTitles[program.name]})`).join(', ')

const showHalves = ({ halves }: Titled): string =>
  halves === undefined
    ? 'none'
    : `${counted(halves.arrays, 'array')} in ${halves.savedBytes.toLocaleString('en')} bytes less`

/** How often a device is asked for something in each program, where that counts, what is stored as float16, if anything, and what they need. */
export const showMemory = (planned: number, programs: ReadonlyArray<Titled>): ReadonlyArray<string> => {
  const each = eachTitled(programs)
  return [
    ...(programs.every(({ launches }) => launches !== undefined)
      ? [`launches   ${each(({ launches }) => (launches ?? 0).toLocaleString('en'))}`]
      : []),
    ...(programs.some(({ halves }) => halves !== undefined) ? [`float16    ${each(showHalves)}`] : []),
    `memory     ${megabytes(planned)} planned, of it to work in ${each(({ workingBytes }) => megabytes(workingBytes))}`
  ]
}

/** How the times of kernels are to be read, where they are not what a CPU took one after the other. */
const showClock = ({ device }: ProfileSubject, clock: Clock): ReadonlyArray<string> => {
  if (clock === 'device')
    return [
      "kernels are timed by the GPU's own timestamps, and the whole in a run of its own, from here until it is done"
    ]
  return device === 'webgpu'
    ? ['this adapter has no timestamps: each kernel is waited for, and its time has the wait in it']
    : []
}

export const showProfile = (subject: ProfileSubject, profile: Profile, shown: number): string => {
  const { limits, programs } = profile
  const each = eachTitled(programs)
  return [
    showSubject(subject),
    ...showClock(subject, profile.clock),
    `limits here: ${(limits.flopsPerSecond / 1e9).toFixed(1)} GFLOP/s in a product of ${limits.n} x ${limits.n} matrices,`,
    `${(limits.bytesPerSecond / 1e9).toFixed(1)} GB/s in x + 2 y beyond all caches; what stays in a cache can pass the second`,
    ...programs.flatMap((program) => showProgram(profile, program, shown)),
    '',
    `compiled   traced in ${profile.traceSeconds.toFixed(2)} s; loaded in ${each(({ loadSeconds }) => `${loadSeconds.toFixed(2)} s`)}`,
    ...showMemory(profile.plannedBytes, programs),
    `           the process had ${megabytes(profile.peakBytes)} at most`
  ].join('\n')
}
