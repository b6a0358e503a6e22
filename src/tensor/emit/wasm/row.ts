/**
 * One row of a fused loop: its passes, each a loop over the row four elements at a time.
 *
 * The inner loop takes several vectors a turn. What is left over is written out after it: whole vectors, then one with
 * fewer lanes.
 */

import type { Costs } from '../../program/device-limits.js'
import type { FusedLoop } from '../../program/fused.js'
import { costOf, keptSteps, passesOf, walks, type Pass, type Recall } from '../../program/passes.js'
import { range } from '../../range.js'
import { loadLanes, storeLanes, type LanePointer } from './access.js'
import { doWhile, increase, set, when, type Code, type Local } from './assembler.js'
import * as i32 from './assembler/i32.js'
import { block, foldLanes, hasBlocks } from './fold.js'
import { lanesIn } from './lanes.js'
import { once, stepsOf, width, type StepContext, type Vector } from './steps.js'
import { storesOf } from './stores.js'
import type { Sums } from './sums.js'

const vectorBytes = 16

/** Bytes of scratch that one step takes for a row: whole vectors. */
const scratchRow = ({ extents }: FusedLoop): number => vectorBytes * Math.ceil(extents[extents.length - 1] / width)

/** Bytes of scratch for the values of a row that are kept. */
export const keptBytes = (loop: FusedLoop, costs: Costs): number =>
  keptSteps(passesOf(loop, costs)).length * scratchRow(loop)

const costOfPass = ({ steps, recalls, keeps, folds, stores }: Pass, loop: FusedLoop, costs: Costs): number =>
  steps.reduce((sum, i) => sum + costOf(loop.body[i], loop, costs), 0) +
  recalls.length +
  keeps.length +
  folds.length +
  stores.length

/**
 * Vectors that are worked on together, for so many instructions on each. Four hide the latencies of an exponential; a body that
 * needs the registers itself has enough to do.
 */
const unrolled = (cost: number): number => (cost <= 32 ? 4 : cost <= 128 ? 2 : 1)

export type RowContext = StepContext & {
  readonly costs: Costs
  /** The address of `keptBytes` bytes. */
  readonly scratch: Local
  readonly sums: Sums
}

/** The code of one row. What is the same for several rows goes to outer levels of the nest. */
export const rowCode = (context: RowContext): Code => {
  const { loop, scope, nest, scratch, costs } = context
  const { body, extents } = loop
  const extent = extents[extents.length - 1]
  const vectors = Math.floor(extent / width)
  const passes = passesOf(loop, costs)
  const steps = stepsOf(context)
  const stores = storesOf(context, steps, context.sums)
  const { value } = steps

  const rows = new Map(keptSteps(passes).map((step, i) => [step, i * scratchRow(loop)]))
  const scratchPlace = (step: number, { offset, element }: Vector): LanePointer => ({
    address: offset === undefined ? scratch : i32.add(scratch, offset),
    offset: (rows.get(step) ?? 0) + element * 4,
    stride: 4
  })

  // Scratch holds registers as they are: whole vectors of words.
  const keep = (step: number, vector: Vector): Code =>
    storeLanes('i32', scratchPlace(step, vector), 4, value(step, vector.slot))

  const recall = ({ step, store }: Recall, vector: Vector): Code =>
    set(
      value(step, vector.slot),
      store === undefined
        ? loadLanes('i32', scratchPlace(step, vector), 4)
        : loadLanes(body[step].dtype, stores.place(loop.stores[store], vector), vector.lanes)
    )

  const walk = (pass: Pass): Code => {
    const unroll = Math.max(1, Math.min(unrolled(costOfPass(pass, loop, costs)), vectors))
    const folds = pass.folds.flatMap((i) => {
      const step = body[i]
      if (step._tag !== 'fold') return []
      return [{ ...step, to: value(i, 0), fold: foldLanes(step.fn, step.dtype, scope, unroll) }]
    })

    // Step by step rather than vector by vector: what does not depend on one another lies side by side.
    const together = (group: ReadonlyArray<Vector>): Code => [
      pass.recalls.map((remembered) => group.map((vector) => recall(remembered, vector))),
      pass.steps.map((step) => group.map((vector) => steps.compute(step, vector))),
      folds.map(({ fold, x }) => group.map(({ slot, lanes }) => fold.take(slot, value(x, slot), lanes))),
      pass.keeps.map((step) => group.map((vector) => keep(step, vector))),
      pass.stores.map((i) => group.map((vector) => stores.along(loop.stores[i], vector)))
    ]

    const isBlocked = folds.some(({ fn, dtype }) => hasBlocks(fn, dtype, extent))

    const looped = (turns: number): Code => {
      const offset = scope.local('i32')
      const end = i32.const(turns * unroll * vectorBytes)
      const until = (stop: Code): Code =>
        doWhile(
          [
            together(range(unroll).map((slot) => ({ offset, element: slot * width, lanes: 4, slot }))),
            increase(offset, i32.const(unroll * vectorBytes))
          ],
          i32.ltU(offset, stop)
        )
      if (!isBlocked) return [set(offset, i32.const(0)), until(end)]
      const blockEnd = scope.local('i32')
      return [
        set(offset, i32.const(0)),
        doWhile(
          [
            set(blockEnd, i32.add(offset, i32.const(block * 4))),
            when(i32.gtU(blockEnd, end), set(blockEnd, end)),
            until(blockEnd),
            folds.map(({ fold }) => fold.endBlock)
          ],
          i32.ltU(offset, end)
        )
      ]
    }

    // A single turn needs no loop.
    const turns = vectors < 2 * unroll ? 0 : Math.floor(vectors / unroll)
    const rest = range(Math.ceil(extent / width) - turns * unroll).map((i): Vector => {
      const element = (turns * unroll + i) * width
      return { offset: undefined, element, lanes: lanesIn(extent - element), slot: i % unroll }
    })

    return [
      pass.steps.map(steps.beforeRow),
      pass.stores.map((i) => stores.beforeRow(loop.stores[i])),
      folds.map(({ fold }) => fold.start),
      turns === 0 ? [] : looped(turns),
      range(Math.ceil(rest.length / unroll)).map((i) => together(rest.slice(i * unroll, (i + 1) * unroll))),
      folds.map(({ fold, to }) => fold.finish(to))
    ]
  }

  return passes.map((pass, p) => {
    const known = pass.still.map((step) => {
      const code = steps.compute(step, once)
      // Before the first walk nothing depends on the row's own elements.
      if (p > 0) return code
      nest.at(steps.levelOf(step), code)
      return []
    })
    return [known, pass.stillStores.map((i) => stores.along(loop.stores[i], once)), walks(pass) ? walk(pass) : []]
  })
}
