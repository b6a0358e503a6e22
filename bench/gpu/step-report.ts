/** What was measured of a step, as tables. */

import { digits, type Cell, type Table } from './markdown.js'
import { nameOf, type StepSize } from './programs.js'
import type { Stepped } from './steps.js'
import type { TimedLaunch, TimedProgram } from './launches.js'
import type { Torch } from './torch.js'

/** A number, or why there is none. */
export type Attempt<A> = { readonly value: A } | { readonly why: string }

export const attempt = async <A>(f: () => Promise<A>): Promise<Attempt<A>> => {
  try {
    return { value: await f() }
  } catch (thrown) {
    return { why: (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0] }
  }
}

export type MeasuredStep = {
  readonly size: StepSize
  readonly own: Attempt<Stepped>
  readonly gpuJs: Attempt<Stepped>
  readonly mixed: Attempt<Stepped>
  readonly launches: Attempt<ReadonlyArray<TimedProgram>>
  readonly torch: Attempt<Torch>
}

const sum = (list: ReadonlyArray<number>): number => list.reduce((total, x) => total + x, 0)

const rates = ({ batch, length }: StepSize, milliseconds: number): ReadonlyArray<Cell> => [
  digits(milliseconds),
  digits((batch * length * 1000) / milliseconds),
  digits(milliseconds / 3.6)
]

const columns = [
  '',
  'ms',
  'tokens/s',
  'hours per million steps',
  'first step, s',
  'memory, GB',
  'in use by the driver, GB'
]

const ourRow = (size: StepSize, name: string, tried: Attempt<Stepped>): ReadonlyArray<Cell> => {
  if ('why' in tried) return [name, `not measured: ${tried.why}`, '', '', '', '', '']
  const { milliseconds, firstSeconds, plannedBytes, driverMegabytes } = tried.value
  return [
    name,
    ...rates(size, milliseconds),
    digits(firstSeconds),
    digits(plannedBytes / 1e9),
    driverMegabytes === undefined ? 'not told' : digits((driverMegabytes * 2 ** 20) / 1e9)
  ]
}

const torchRows = (size: StepSize, tried: Attempt<Torch>): ReadonlyArray<ReadonlyArray<Cell>> => {
  if ('why' in tried) return [['PyTorch', `not measured: ${tried.why}`, '', '', '', '', '']]
  const { name, steps, missing } = tried.value
  const rows = steps.map(({ mode, milliseconds, firstSeconds, peakBytes, failed }): ReadonlyArray<Cell> =>
    milliseconds === undefined
      ? [`PyTorch, ${mode}`, `not measured: ${failed ?? 'no answer'}`, '', '', '', '', '']
      : [
          `PyTorch, ${mode}`,
          ...rates(size, milliseconds),
          digits(firstSeconds ?? NaN),
          peakBytes === undefined || peakBytes === null ? 'not told' : digits(peakBytes / 1e9),
          ''
        ]
  )
  return missing === undefined ? rows : [...rows, [name ?? 'PyTorch', `not measured: ${missing}`, '', '', '', '', '']]
}

const stepTable = ({ size, own, gpuJs, mixed, torch }: MeasuredStep): Table => ({
  title: `A step: ${nameOf(size)}`,
  columns,
  rows: [
    ourRow(size, 'ours, float32', own),
    ourRow(size, 'ours, float32, products by gpu.js', gpuJs),
    ourRow(size, 'ours, mixed precision', mixed),
    ...torchRows(size, torch)
  ],
  notes: [
    'The whole step: both networks forward and backward, dropout, clipping, the update; random tokens, none of them padding. The first step compiles.',
    ...('value' in torch && torch.value.name !== undefined ? [torch.value.name] : [])
  ]
})

/** How many times as fast ours are. */
const ratioTable = ({ size, own, gpuJs, mixed, torch }: MeasuredStep): ReadonlyArray<Table> => {
  const peers = 'value' in torch ? torch.value.steps.filter(({ milliseconds }) => milliseconds !== undefined) : []
  const ours = (
    [
      ['ours, float32', own],
      ['ours, float32, products by gpu.js', gpuJs],
      ['ours, mixed precision', mixed]
    ] as const
  ).flatMap(([name, tried]) => ('value' in tried ? [{ name, milliseconds: tried.value.milliseconds }] : []))
  if (peers.length === 0 || ours.length === 0) return []
  return [
    {
      title: `Ratios: ${nameOf(size)}, ours over PyTorch`,
      columns: ['', ...peers.map(({ mode }) => mode)],
      rows: ours.map(({ name, milliseconds }) => [
        name,
        ...peers.map((peer) => digits((peer.milliseconds ?? NaN) / milliseconds))
      ]),
      notes: ['Of tokens a second: above 1 ours are faster.']
    }
  ]
}

type Group = { readonly name: string; readonly list: ReadonlyArray<TimedLaunch> }

const grouped = (launches: ReadonlyArray<TimedLaunch>, key: (launch: TimedLaunch) => string): ReadonlyArray<Group> => {
  const groups = new Map<string, Array<TimedLaunch>>()
  for (const launch of launches) groups.set(key(launch), [...(groups.get(key(launch)) ?? []), launch])
  const time = ({ list }: Group): number => sum(list.map(({ milliseconds }) => milliseconds))
  return [...groups].map(([name, list]) => ({ name, list })).sort((a, b) => time(b) - time(a))
}

const groupRow =
  (whole: number) =>
  ({ name, list }: Group): ReadonlyArray<Cell> => {
    const milliseconds = sum(list.map((launch) => launch.milliseconds))
    return [
      name,
      list.length,
      digits(milliseconds),
      digits((100 * milliseconds) / whole),
      digits(sum(list.map(({ bytes }) => bytes)) / milliseconds / 1e6),
      digits(sum(list.map(({ flops }) => flops)) / milliseconds / 1e9)
    ]
  }

const groupColumns = ['launches', 'times', 'ms', '% of the time', 'GB/s', 'TFLOP/s']

/** Rows of the kernels that take longest. */
const shown = 25

const launchTables = ({ size, launches: tried, own }: MeasuredStep): ReadonlyArray<Table> => {
  const title = `Launches of a step: ${nameOf(size)}`
  if ('why' in tried) return [{ title, columns: groupColumns, rows: [], notes: [`not measured: ${tried.why}`] }]
  const launches = tried.value.flatMap((program) => program.launches)
  const busy = sum(launches.map(({ milliseconds }) => milliseconds))
  const span = sum(tried.value.map((program) => program.span))
  const idle = span - busy
  const host =
    'value' in own
      ? [
          `A step as a whole takes ${digits(own.value.milliseconds)} ms, ${digits(own.value.milliseconds - span)} ms of them outside its launches.`
        ]
      : []
  return [
    {
      title,
      columns: groupColumns,
      rows: grouped(launches, ({ kind }) => kind).map(groupRow(busy)),
      notes: [
        `${launches.length} launches: gradient ${tried.value[0].launches.length}, update ${launches.length - tried.value[0].launches.length}. ${digits(busy)} ms one by one, ` +
          `${digits(span)} ms as they are submitted: idle between launches ${digits(idle)} ms, ${digits((1000 * idle) / launches.length)} us each.`,
        ...host,
        'By the adapter’s timestamps, each launch in a pass of its own. GB/s count every byte that a launch touches once; TFLOP/s its arithmetic.'
      ]
    },
    {
      title: `Kernels that take longest: ${nameOf(size)}`,
      columns: groupColumns,
      rows: grouped(launches, ({ kind, what }) => `${kind}: ${what.replaceAll('|', '/').slice(0, 110)}`)
        .slice(0, shown)
        .map(groupRow(busy))
    }
  ]
}

export const stepTables = (measured: MeasuredStep): ReadonlyArray<Table> => [
  stepTable(measured),
  ...ratioTable(measured),
  ...launchTables(measured)
]
