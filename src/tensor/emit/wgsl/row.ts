/**
 * Rows: invocations that share a row, walk it as often as its folds ask for, and combine over the rows of their chunk what is combined
 * across rows.
 *
 * An invocation has every `lanes`-th element of a row. Where those are few they are written out one by one, and a value stays in its
 * register from walk to walk; else each walk is a loop, which computes again what it needs of an earlier one.
 */

import { variesAlongRow, operandsOf, type FusedStep } from '../../program/fused.js'
import type { Affine } from '../../program/kernel.js'
import type { RowKernel } from '../../program/gpu/gpu-kernel.js'
import { range } from '../../range.js'
import { sizeOf } from '../../shape.js'
import { loadsOf, written } from './map.js'
import { laneMemory, laneTree, type Folded } from './lane-tree.js'
import { combine, identity, select, typeOf } from './scalar.js'
import { affine, coordinates, when, type Bindings, type Lines, type ShaderPart } from './shader.js'
import { expressionOf } from './steps.js'

/** What is the same for all parts of one kernel. */
type Row = {
  readonly kernel: RowKernel
  readonly bindings: Bindings
  readonly varies: ReadonlyArray<boolean>
  /** Of each step, the walks before it is known. */
  readonly stages: ReadonlyArray<number>
  /** Names of the outer coordinates. */
  readonly outer: ReadonlyArray<string>
  /** Elements of an invocation, where they are written out. */
  readonly elements: ReadonlyArray<number>
  readonly emitted: Set<string>
}

type Fold = FusedStep & { readonly _tag: 'fold' }

const lengthOf = ({ kernel: { loop } }: Row): number => loop.extents[loop.extents.length - 1]

const stagesOf = (body: ReadonlyArray<FusedStep>): ReadonlyArray<number> => {
  const stages: Array<number> = []
  for (const step of body)
    stages.push(Math.max(0, ...operandsOf(step).map((x) => stages[x])) + (step._tag === 'fold' ? 1 : 0))
  return stages
}

/** The name of a step's value, at element `k` of the invocation where it varies. */
const nameAt = ({ varies }: Row, step: number, k: string): string => (varies[step] ? `v${step}_${k}` : `v${step}`)

const emitStep = (row: Row, step: number, k: string, column: string): string => {
  const { kernel, bindings, outer } = row
  const { body } = kernel.loop
  const at = body[step]
  if (at._tag === 'fold') throw new Error('wgsl: a fold was printed as a step')
  const value = expressionOf(at, { bindings, axes: [...outer, column], name: (x) => nameAt(row, x, k) })
  return `let ${nameAt(row, step, k)} = ${value};`
}

/** The steps that vary along the row and lead to some, in order. */
const varyingTo = ({ kernel, varies }: Row, results: ReadonlyArray<number>): ReadonlyArray<number> => {
  const needed = new Set<number>()
  const stack = [...results]
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    if (!varies[step] || needed.has(step)) continue
    needed.add(step)
    stack.push(...operandsOf(kernel.loop.body[step]))
  }
  return [...needed].sort((a, b) => a - b)
}

const isMoving = ({ strides }: Affine): boolean => strides[strides.length - 1] !== 0

/** Where an invocation keeps what it has combined so far. */
const accumulator = (number: number, k: number | string): string => `acc${number}_${k}`

const chunkAt = ({ kernel: { chunks } }: Row, size: number): string => (chunks === 1 ? '' : `chunk * ${size}u + `)

/** What a walk does with element `k` of the row: stores, and what is combined across rows. */
const elementEnds = (row: Row, stage: number, k: string, column: string, inside: string): Lines => {
  const { kernel, bindings, stages, outer } = row
  const { loop, accumulations, isUnrolled } = kernel
  const axes = [...outer, column]
  const stored = loop.stores.flatMap(({ buffer, at, value }) =>
    stages[value] === stage && (isMoving(at) || row.varies[value])
      ? [bindings.store(buffer, affine(at, axes), nameAt(row, value, k))]
      : []
  )
  const combined = accumulations.flatMap(({ value, fn, buffer, at, size }, number) => {
    if (stages[value] !== stage || !isMoving(at)) return []
    const { dtype } = loop.body[value]
    const name = nameAt(row, value, k)
    if (isUnrolled) return [`${accumulator(number, k)} = ${combine(fn, dtype, accumulator(number, k), name)};`]
    const place = `${chunkAt(row, size)}${affine(at, axes)}`
    return [
      `if (r == 0u) { ${bindings.store(buffer, place, name)} }`,
      `else { ${bindings.store(buffer, place, combine(fn, dtype, bindings.load(buffer, place), name))} }`
    ]
  })
  return when(['live', inside], [...stored, ...combined])
}

/** What is known for the whole row by this stage: its steps, stores, and what is combined of it. */
const stillPart = (row: Row, stage: number): Lines => {
  const { kernel, bindings, varies, stages, outer } = row
  const { loop, accumulations } = kernel
  const { body } = loop
  const steps = body.flatMap((step, i) =>
    !varies[i] && step._tag !== 'fold' && stages[i] === stage ? [emitStep(row, i, '', '0u')] : []
  )
  const stored = loop.stores.flatMap(({ buffer, at, value }) =>
    stages[value] === stage && !isMoving(at) && !varies[value]
      ? when(
          ['live', kernel.lanes > 1 ? 'lane == 0u' : 'true'],
          [bindings.store(buffer, affine(at, [...outer, '0u']), `v${value}`)]
        )
      : []
  )
  const combined = accumulations.flatMap(({ value, fn, at }, number) =>
    stages[value] === stage && !isMoving(at)
      ? when(
          ['live'],
          [`${accumulator(number, 0)} = ${combine(fn, body[value].dtype, accumulator(number, 0), `v${value}`)};`]
        )
      : []
  )
  return [...steps, ...stored, ...combined]
}

/** One walk along the row, written out, and its folds as far as an invocation comes. */
const unrolledWalk = (
  row: Row,
  stage: number,
  folds: ReadonlyArray<readonly [number, Fold]>,
  results: ReadonlyArray<number>
): Lines => {
  const { kernel, elements, emitted } = row
  const length = lengthOf(row)
  const isInside = (k: number): string => ((k + 1) * kernel.lanes <= length ? 'true' : `inside${k}`)
  const steps = varyingTo(row, results).filter((step) => !emitted.has(String(step)))
  steps.forEach((step) => emitted.add(String(step)))
  const values = elements.flatMap((k) => steps.map((step) => emitStep(row, step, String(k), `c${k}`)))
  const folded = folds.map(([number, { fn, x, dtype }]) => {
    const parts = elements.map((k) => {
      const value = nameAt(row, x, String(k))
      return isInside(k) === 'true' ? value : select(isInside(k), value, identity(fn, dtype))
    })
    return `let fold${number} = ${parts.reduce((sum, part) => combine(fn, dtype, sum, part))};`
  })
  return [...values, ...folded, ...elements.flatMap((k) => elementEnds(row, stage, String(k), `c${k}`, isInside(k)))]
}

/** The same as a loop. */
const loopedWalk = (
  row: Row,
  stage: number,
  folds: ReadonlyArray<readonly [number, Fold]>,
  results: ReadonlyArray<number>
): Lines => [
  ...folds.map(([number, { fn, dtype }]) => `var fold${number}: ${typeOf(dtype)} = ${identity(fn, dtype)};`),
  `for (var c = lane; c < ${lengthOf(row)}u; c += ${row.kernel.lanes}u) {`,
  ...varyingTo(row, results).map((step) => emitStep(row, step, 'c', 'c')),
  ...folds.map(
    ([number, { fn, dtype, x }]) => `fold${number} = ${combine(fn, dtype, `fold${number}`, nameAt(row, x, 'c'))};`
  ),
  ...elementEnds(row, stage, 'c', 'c', 'true'),
  '}'
]

const stageLines = (row: Row, stage: number): Lines => {
  const { kernel, stages, varies } = row
  const { body, stores } = kernel.loop
  const folds = body.flatMap((step, i): ReadonlyArray<readonly [number, Fold]> =>
    step._tag === 'fold' && stages[i] === stage + 1 ? [[i, step]] : []
  )
  const ends = [
    ...stores.filter(({ at, value }) => isMoving(at) || varies[value]),
    ...kernel.accumulations.filter(({ at }) => isMoving(at))
  ].flatMap(({ value }) => (stages[value] === stage ? [value] : []))
  const results = [...folds.map(([, { x }]) => x), ...ends]
  const walk = kernel.isUnrolled ? unrolledWalk : loopedWalk
  const folded = folds.map(([number, { fn, dtype }]): Folded => ({
    fn,
    dtype,
    part: `fold${number}`,
    whole: `v${number}`
  }))
  return [
    ...stillPart(row, stage),
    ...(results.length === 0 ? [] : walk(row, stage, folds, results)),
    ...laneTree(folded, kernel.lanes)
  ]
}

/** What the chunks have come to, written where it goes on from. */
const accumulated = (row: Row): { readonly before: Lines; readonly after: Lines } => {
  const { kernel, bindings, outer, elements } = row
  const { loop, accumulations, isUnrolled } = kernel
  const parts = accumulations.flatMap(({ value, fn, buffer, at, size }, number) => {
    const { dtype } = loop.body[value]
    const place = (column: string): string => `${chunkAt(row, size)}${affine(at, [...outer, column])}`
    const begin = (k: number): string => `var ${accumulator(number, k)}: ${typeOf(dtype)} = ${identity(fn, dtype)};`
    const end = (k: number, column: string): string => bindings.store(buffer, place(column), accumulator(number, k))
    if (!isMoving(at))
      return [{ before: [begin(0)], after: when(['there', kernel.lanes > 1 ? 'lane == 0u' : 'true'], [end(0, '0u')]) }]
    return isUnrolled
      ? elements.map((k) => ({
          before: [begin(k)],
          after: when(['there', (k + 1) * kernel.lanes <= lengthOf(row) ? 'true' : `inside${k}`], [end(k, `c${k}`)])
        }))
      : []
  })
  return { before: parts.flatMap(({ before }) => before), after: parts.flatMap(({ after }) => after) }
}

/** The columns of an invocation; those beyond the end of the row stand at its end. */
const columns = (row: Row): Lines => {
  const { lanes, isUnrolled } = row.kernel
  const length = lengthOf(row)
  if (!isUnrolled) return []
  return row.elements.flatMap((k) => {
    const column = lanes === 1 ? `${k}u` : k === 0 ? 'lane' : `lane + ${k * lanes}u`
    if ((k + 1) * lanes <= length) return [`let c${k} = ${column};`]
    return [`let inside${k} = ${column} < ${length}u;`, `let c${k} = min(${column}, ${length - 1}u);`]
  })
}

const linesOf = (kernel: RowKernel, bindings: Bindings): Lines => {
  const { loop, kept, chunks, chunkRows, lanes, rows } = kernel
  const { extents, body } = loop
  const places = sizeOf(extents.slice(0, kept))
  const reduced = sizeOf(extents.slice(kept, -1))
  const slots = places * chunks
  const isWhole = slots % rows === 0
  const place = coordinates('x', extents.slice(0, kept), chunks === 1 ? 'slot' : 'place')
  const reducedRow = coordinates('y', extents.slice(kept, -1), 'red')
  const row: Row = {
    kernel,
    bindings,
    varies: variesAlongRow(loop),
    stages: stagesOf(body),
    outer: [...place.names, ...reducedRow.names],
    elements: range(Math.ceil(extents[extents.length - 1] / lanes)),
    emitted: new Set()
  }
  const { before, after } = accumulated(row)
  const isOne = reduced === 1
  const isEven = chunks * chunkRows === reduced
  const walks = range(1 + Math.max(0, ...row.stages)).flatMap((stage) => stageLines(row, stage))
  return [
    `let lane = t % ${lanes}u;`,
    `let number = group * ${rows}u + t / ${lanes}u;`,
    `let there = ${isWhole ? 'true' : `number < ${slots}u`};`,
    `let slot = ${isWhole ? 'number' : `min(number, ${slots - 1}u)`};`,
    ...(chunks === 1 ? [] : [`let place = slot / ${chunks}u;`, `let chunk = slot % ${chunks}u;`]),
    ...place.lines,
    ...columns(row),
    ...before,
    ...(isOne
      ? ['let live = there;', 'let r = 0u;', ...walks]
      : [
          `for (var r = 0u; r < ${chunkRows}u; r++) {`,
          `let next = ${chunks === 1 ? 'r' : `chunk * ${chunkRows}u + r`};`,
          isEven ? 'let live = there;' : `let live = there && next < ${reduced}u;`,
          isEven ? 'let red = next;' : `let red = min(next, ${reduced - 1}u);`,
          ...reducedRow.lines,
          ...walks,
          '}'
        ]),
    ...after
  ]
}

export const rowPart = (kernel: RowKernel): ShaderPart => {
  const { loop, accumulations, kept, chunks, lanes, rows } = kernel
  const { extents, body, stores } = loop
  const workgroup = lanes * rows
  return {
    wanted: [
      ...[...stores, ...accumulations].map(({ buffer, value }) => written(buffer, body[value].dtype)),
      ...loadsOf(body)
    ],
    workgroup,
    groups: Math.ceil((sizeOf(extents.slice(0, kept)) * chunks) / rows),
    memory: laneMemory(body, lanes, workgroup),
    body: (bindings) => linesOf(kernel, bindings)
  }
}
