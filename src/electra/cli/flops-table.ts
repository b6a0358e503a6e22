/**
 * Counts of arithmetic for people: tables at most as wide as a report may be.
 */

import { counted } from '../counted.js'
import { reportWidth, wrapped } from './fit.js'
import { executedFlops, type Executed } from '../flops/executed.js'
import type { NetworkCount, RecipeCount } from '../flops/count.js'
import type { PublishedRow } from '../flops/published.js'

/** As the script prints a float: every digit that tells it from its neighbours. */
export const exactly = (x: number): string => (Number.isFinite(x) ? x.toExponential() : '-')

const percent = (share: number): string => `${(100 * share).toFixed(3)} %`

const labelWidth = 24

type Cells = ReadonlyArray<string>

/** Cells to the right of a label. The columns share the rest of the line, and are no wider than a number of any size needs. */
const line = (label: string, cells: Cells): string => {
  const width = Math.min(18, Math.floor((reportWidth - labelWidth) / cells.length))
  return `${label.padEnd(labelWidth)}${cells.map((cell) => cell.padStart(width)).join('')}`.trimEnd()
}

/** All digits of an integer where a column of so many has room for them. */
const whole = (x: number, columns: number): string => {
  if (x === 0) return '-'
  const width = Math.min(18, Math.floor((reportWidth - labelWidth) / columns))
  const plain = x.toLocaleString('en', { maximumFractionDigits: 0 })
  return plain.length < width ? plain : x.toExponential(4)
}

const rounded = (x: number): string => (x === 0 ? '-' : x.toExponential(4))

/** A table with a column a network, and one for all of them where there are several. */
const perNetwork = (
  title: string,
  { networks }: RecipeCount,
  rows: ReadonlyArray<readonly [label: string, cell: (network: NetworkCount) => string, together?: string]>
): ReadonlyArray<string> => {
  const isOne = networks.length === 1
  return [
    line(title, [...networks.map(({ role }) => role), ...(isOne ? [] : ['together'])]),
    ...rows.map(([label, cell, together = '']) => line(label, [...networks.map(cell), ...(isOne ? [] : [together])]))
  ]
}

const layersOf = ({ networks }: RecipeCount): string => {
  const layers = [...new Set(networks.map((network) => network.layers))]
  return layers.length === 1 ? `one of ${counted(layers[0], 'layer')}` : `one of ${layers.join(' or ')} layers`
}

const outputs = [
  ['softmax out', 'softmaxOut'],
  ['binary out', 'binaryOut'],
  ['one logit out', 'logitOut']
] as const

/** Forward, of one sequence; then trained, of all. */
const showCount = (count: RecipeCount, otherShare: string | undefined): ReadonlyArray<string> => {
  const { networks, inference, step, run } = count
  const columns = networks.length + (networks.length === 1 ? 0 : 1)
  const sum = networks.reduce((total, { forward }) => total + forward.total, 0)
  return [
    ...perNetwork('a sequence, forward', count, [
      [layersOf(count), ({ forward }) => whole(forward.block, columns)],
      ['embeddings in', ({ forward }) => whole(forward.embeddingsIn, columns)],
      ...outputs
        .filter(([, of]) => networks.some(({ forward }) => forward[of] > 0))
        .map(([label, of]) => [label, ({ forward }: NetworkCount) => whole(forward[of], columns)] as const),
      ['all layers, in and out', ({ forward }) => whole(forward.total, columns), whole(sum, columns)]
    ]),
    '',
    ...perNetwork('training', count, [
      [`step of ${counted(count.batchSize, 'sequence')}`, (network) => rounded(network.step), rounded(step)],
      [`run of ${counted(count.steps, 'step')}`, (network) => rounded(network.run), rounded(run)],
      ...(networks.length === 1 ? [] : [['share', (network: NetworkCount) => percent(network.step / step)] as const])
    ]),
    '',
    `the run, to the last digit   ${exactly(run)}`,
    ...(count.generatorShare === undefined
      ? []
      : [
          `the generator's share        ${percent(count.generatorShare)}${otherShare === undefined ? '' : ` (${otherShare})`}`
        ]),
    ...(inference === undefined
      ? []
      : [
          `inference, ${counted(inference.positions, 'token')}`.padEnd(29) +
            inference.flops.toLocaleString('en', { maximumFractionDigits: 0 })
        ])
  ]
}

const showExecuted = (executed: Executed, { step, steps }: RecipeCount): ReadonlyArray<string> => {
  const row = (label: string, x: number, more = ''): string => line(label, [rounded(x), rounded(x * steps), more])
  const all = executedFlops(executed)
  return [
    line('executed by our programs', ['a step', 'the run', '']),
    row('matrix products', executed.contractions),
    row('everything else', executed.everythingElse),
    row('together', all, `${(all / step).toFixed(3)} x counted`),
    row('random words, beside it', executed.randomWords)
  ]
}

export type FlopsSubject = {
  readonly name: string
  /** Sentences on what is counted how. */
  readonly about: ReadonlyArray<string>
  readonly count: RecipeCount
  /** In the other accounting of embeddings, as the words of an aside. */
  readonly otherShare?: string
  readonly executed?: Executed
  readonly remarks: ReadonlyArray<string>
}

export const showFlops = ({ name, about, count, otherShare, executed, remarks }: FlopsSubject): string =>
  [
    name,
    ...about.flatMap((sentence) => wrapped(sentence)),
    '',
    ...showCount(count, otherShare),
    ...(executed === undefined ? [] : ['', ...showExecuted(executed, count)]),
    ...(remarks.length === 0 ? [] : ['', ...remarks.flatMap((remark) => wrapped(remark))])
  ].join('\n')

/** Of a framework's count there is nothing but the sum. */
export const showFrameworkCount = ({ title, flops, printed, remark }: PublishedRow): string =>
  [
    `${title}: ${exactly(flops)} operations, as a framework counted its graph${printed === undefined ? '' : `; the paper prints ${printed}`}`,
    ...(remark === undefined ? [] : wrapped(remark))
  ].join('\n')

export const percentOf = percent

/** The rows beside what the paper prints, then what must be said of that. */
export const showPublished = (
  rows: ReadonlyArray<PublishedRow & { readonly generatorShare?: number }>
): ReadonlyArray<string> => {
  const row = (name: string, flops: string, printed: string, share: string): string =>
    `${name.padEnd(16)}${flops.padEnd(24)}${printed.padStart(14)}${share.padStart(20)}`
  return [
    row('recipe', 'operations', 'in the paper', "generator's share"),
    ...rows.map(({ name, flops, printed, generatorShare }) =>
      row(name, exactly(flops), printed ?? '-', generatorShare === undefined ? '-' : percent(generatorShare))
    ),
    '',
    ...rows.flatMap(({ remark }) => (remark === undefined ? [] : wrapped(remark)))
  ]
}
