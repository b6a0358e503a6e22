/**
 * Sums of f32 that many rows of a loop add to: the sum over a leading axis, the updates that are scattered to one place.
 *
 * Added one after another to an f32, a million tenths are 100,958. So an element takes at most a block of additions in f32; then what
 * it has moves to a double in scratch, and the element begins again at 0. At the end both are added and rounded once. The error is that
 * of a block, however many rows there are, and blocks are counted along the loop's own axes: ranges one after another give the
 * bits of the whole.
 *
 * A sum over rows has a double beside every element. A scatter counts what each index gets, and only the indices that get more than a
 * block have doubles: a table of embeddings needs few.
 */

import { sizeOf } from '../../shape.js'
import { variesAlongRow, type FusedLoop, type Store } from '../../program/fused.js'
import {
  call,
  doWhile,
  increase,
  set,
  tee,
  when,
  type Callee,
  type Code,
  type Local,
  type ModuleDraft,
  type Scope
} from './assembler.js'
import * as f32 from './assembler/f32.js'
import * as f64 from './assembler/f64.js'
import * as i32 from './assembler/i32.js'
import * as memory from './assembler/memory.js'
import type { Nest } from './nest.js'

/** Additions in f32 to one element. */
export const additions = 256

/** An axis of a stretch of memory. */
type Axis = { readonly extent: number; readonly bytes: number }

/** `scratchAt` is where the part of scratch begins that a sum has. */
type OverRows = {
  readonly _tag: 'rows'
  readonly store: Store
  readonly scratchAt: number
  readonly bytes: number
  /** Elements that have a double. */
  readonly elements: number
  /** Every so many steps of this axis, what lies inside it moves. */
  readonly axis: number
  readonly every: number
  readonly inside: ReadonlyArray<Axis>
}

type Scattered = {
  readonly _tag: 'scatter'
  readonly store: Store
  readonly scratchAt: number
  readonly bytes: number
  /** Places that are counted: key `k` begins `first + k * step` bytes into the buffer. */
  readonly keys: number
  readonly first: number
  readonly step: number
  /** Whether keys are the indices themselves. */
  readonly isByIndex: boolean
  /** What is added to with one count. */
  readonly slice: Axis
}

export type LongSum = OverRows | Scattered

/** Whether elements of a scatter go to places beside one another, which one index finds for the whole row. */
export const isFound = (loop: FusedLoop, { at, scatter }: Store): boolean =>
  scatter !== undefined && !variesAlongRow(loop)[scatter.index] && at.strides[loop.extents.length - 1] !== 0

/** Elements of a buffer up to the last that a store can reach. */
const reach = ({ extents }: FusedLoop, { at, scatter }: Store): number =>
  extents.reduce((end, extent, axis) => end + (extent - 1) * at.strides[axis], at.offset + 1) +
  (scatter === undefined ? 0 : Math.max(0, scatter.extent - 1) * scatter.stride)

const overRows = (loop: FusedLoop, store: Store, block: number, scratchAt: number): OverRows | undefined => {
  const { extents } = loop
  const { strides } = store.at
  const row = extents.length - 1
  const isReduced = (axis: number): boolean => strides[axis] === 0 && axis < row
  let inner = 1
  let axis = row - 1
  for (; axis >= 0; axis--) {
    if (isReduced(axis) && inner * extents[axis] > block) break
    if (isReduced(axis)) inner *= extents[axis]
  }
  if (axis < 0) return undefined
  const inside = extents.flatMap((extent, i) =>
    i > axis && strides[i] !== 0 && extent > 1 ? [{ extent, bytes: 4 * strides[i] }] : []
  )
  const elements = reach(loop, store)
  const every = Math.max(1, Math.floor(block / inner))
  return { _tag: 'rows', store, scratchAt, bytes: 8 * elements, elements, axis, every, inside }
}

/** Bytes before the counts, where the number of keys that have doubles stands. */
const header = 16

const doublesAt = ({ keys }: Pick<Scattered, 'keys'>): number => header + 8 * keys + (keys % 2 === 0 ? 0 : 8)

const scattered = (loop: FusedLoop, store: Store, block: number, scratchAt: number): Scattered | undefined => {
  const { at, scatter } = store
  if (scatter === undefined || scatter.extent === 0) return undefined
  const { extents } = loop
  const row = extents.length - 1
  const found = isFound(loop, store)
  const hits = sizeOf(found ? extents.slice(0, row) : extents)
  if (hits <= block) return undefined
  const isByIndex = at.strides.every((stride, axis) => stride === 0 || (found && axis === row))
  const keys = isByIndex ? scatter.extent : reach(loop, store)
  const [first, step] = isByIndex ? [4 * at.offset, 4 * scatter.stride] : [0, 4]
  const slice = found ? { extent: extents[row], bytes: 4 * at.strides[row] } : { extent: 1, bytes: 4 }
  const bytes = doublesAt({ keys }) + 8 * slice.extent * Math.floor(hits / block)
  return { _tag: 'scatter', store, scratchAt, bytes, keys, first, step, isByIndex, slice }
}

const aligned = (bytes: number): number => 16 * Math.ceil(bytes / 16)

/** The sums of a loop that a block does not hold, with their parts of scratch from `scratchAt` on. */
export const longSumsOf = (loop: FusedLoop, block: number, scratchAt: number): ReadonlyArray<LongSum> => {
  let next = scratchAt
  return loop.stores.flatMap((store) => {
    if (store.combine !== 'sum' || loop.body[store.value].dtype !== 'f32') return []
    const sum = (store.scatter === undefined ? overRows : scattered)(loop, store, block, next)
    if (sum === undefined) return []
    next += aligned(sum.bytes)
    return [sum]
  })
}

/** Bytes that the sums take. */
export const bytesOfSums = (sums: ReadonlyArray<LongSum>): number =>
  sums.reduce((total, { bytes }) => total + aligned(bytes), 0)

/** Runs `body` for each place of a stretch of memory that begins at `place`, which is left as it was. */
const everywhere = (scope: Scope, place: Local, [first, ...rest]: ReadonlyArray<Axis>, body: Code): Code => {
  if (first === undefined) return body
  const counter = scope.local('i32')
  return [
    set(counter, i32.const(0)),
    doWhile(
      [everywhere(scope, place, rest, body), increase(place, i32.const(first.bytes))],
      i32.ltU(tee(counter, i32.add(counter, i32.const(1))), i32.const(first.extent))
    ),
    increase(place, i32.const(-first.extent * first.bytes))
  ]
}

/** The double at `double` and the f32 at `place`. */
const sumOf = (place: Local, double: Code): Code => f64.add(f64.load(double), f64.promoteF32(f32.load(place)))

/** Adds the f32 at `place` to the double at `double`. */
const move = (place: Local, double: Code): Code => [
  f64.store(double, sumOf(place, double)),
  f32.store(place, f32.const(0))
]

/** The f32 at `place` with the double at `double` added. */
const settle = (place: Local, double: Code): Code => f32.store(place, f32.demoteF64(sumOf(place, double)))

export type SumContext = {
  readonly scope: Scope
  readonly nest: Nest
  readonly draft: ModuleDraft
  readonly block: number
  readonly scratch: Local
  readonly address: (buffer: number) => Local
}

export type Sums = {
  /** Before the first row of all. */
  readonly start: Code
  /** After the last. */
  readonly finish: Code
  /** Before an addition of a scatter to the slice at `place`, that of `index`. */
  readonly count: (store: Store, place: Code, index: Code) => Code
}

/** Adds `(place, count, area)` to a module: what the slice at `place` has goes to its doubles, of which it gets some at first. */
const addMove = (draft: ModuleDraft, { keys, slice }: Scattered): Callee =>
  draft.add({
    params: ['i32', 'i32', 'i32'],
    results: [],
    body: (scope) => {
      const [place, count, area] = scope.params
      const [slot, double] = scope.locals('i32', 2)
      return [
        when(i32.eqz(tee(slot, i32.load(count, 4 * keys))), [
          i32.store(area, tee(slot, i32.add(i32.load(area), i32.const(1)))),
          i32.store(count, slot, 4 * keys)
        ]),
        set(double, doublesOf({ keys, slice }, area, slot)),
        everywhere(scope, place, [slice], [move(place, double), increase(double, i32.const(8))])
      ]
    }
  })

/** The doubles of slot `slot`, counted from 1. */
const doublesOf = ({ keys, slice }: Pick<Scattered, 'keys' | 'slice'>, area: Local, slot: Local): Code =>
  i32.add(
    i32.add(area, i32.const(doublesAt({ keys }))),
    i32.mul(i32.sub(slot, i32.const(1)), i32.const(8 * slice.extent))
  )

/** The code of the sums of a loop. That of sums over rows goes into the nest at once, before the row's own. */
export const sumsOf = (sums: ReadonlyArray<LongSum>, context: SumContext): Sums => {
  const { scope, nest, draft, block, scratch, address } = context
  const areaOf = ({ scratchAt }: LongSum): Code => i32.add(scratch, i32.const(scratchAt))
  const [area, place, double] = scope.locals('i32', 3)

  const overRowsCode = (sum: OverRows): Code => {
    const { store, axis, every, inside, elements } = sum
    const base = address(store.buffer)
    const { offset, strides } = store.at
    const outside = { offset, strides: strides.map((stride, i) => (i < axis ? stride : 0)) }
    const doubleAt = i32.add(areaOf(sum), i32.shl(i32.sub(place, base), i32.const(1)))
    const from = nest.along(base, `b${base.index}`, 4, outside)
    nest.at(
      axis + 1,
      when(i32.eqz(i32.remU(nest.counters[axis], i32.const(every))), [
        set(place, i32.add(from, i32.const(4 * offset))),
        everywhere(scope, place, inside, [set(double, doubleAt), move(place, double)])
      ])
    )
    return [
      set(place, base),
      set(double, areaOf(sum)),
      everywhere(
        scope,
        place,
        [{ extent: elements, bytes: 4 }],
        [settle(place, double), increase(double, i32.const(8))]
      )
    ]
  }

  const scatteredCode = (sum: Scattered): Code => {
    const { store, keys, first, step, slice } = sum
    const [slice0, slot, count] = scope.locals('i32', 3)
    return [
      set(area, areaOf(sum)),
      set(count, i32.add(area, i32.const(header))),
      set(slice0, i32.add(address(store.buffer), i32.const(first))),
      everywhere(
        scope,
        slice0,
        [{ extent: keys, bytes: step }],
        [
          when(tee(slot, i32.load(count, 4 * keys)), [
            set(place, slice0),
            set(double, doublesOf(sum, area, slot)),
            everywhere(scope, place, [slice], [settle(place, double), increase(double, i32.const(8))])
          ]),
          increase(count, i32.const(4))
        ]
      )
    ]
  }

  const movers = new Map<Store, { readonly sum: Scattered; readonly mover: Callee }>()
  for (const sum of sums) if (sum._tag === 'scatter') movers.set(sum.store, { sum, mover: addMove(draft, sum) })

  const finish = sums.map((sum) => (sum._tag === 'rows' ? overRowsCode(sum) : scatteredCode(sum)))
  const [counted, hits] = scope.locals('i32', 2)
  return {
    start: sums.map((sum) => memory.fill(areaOf(sum), i32.const(0), i32.const(sum.bytes))),
    finish,
    count: (store, at, index) => {
      const found = movers.get(store)
      if (found === undefined) return []
      const { sum, mover } = found
      const key = sum.isByIndex ? i32.shl(index, i32.const(2)) : i32.sub(at, address(store.buffer))
      return [
        set(counted, i32.add(i32.add(areaOf(sum), i32.const(header)), key)),
        i32.store(counted, tee(hits, i32.add(i32.load(counted), i32.const(1)))),
        when(i32.eqz(i32.remU(hits, i32.const(block))), call(mover, at, counted, areaOf(sum)))
      ]
    }
  }
}
