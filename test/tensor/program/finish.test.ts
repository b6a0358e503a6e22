import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { finishOrder, lastWrites } from '../../../src/tensor/program/finish.js'
import { fuse } from '../../../src/tensor/program/fuse.js'
import { writesOfFused } from '../../../src/tensor/program/fused.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { programOf } from './agreement.js'
import { panelledEverywhere } from './everywhere.js'
import { graphs } from './graphs.js'

describe('the outputs of a program', () => {
  it('are finished with the last kernel that writes to them, and by none where they have no elements', () => {
    fc.assert(
      fc.property(graphs(40), fc.boolean(), (graph, isCut) => {
        const fused = fuse(schedule(programOf(graph), wasmLimits), wasmLimits)
        const program = isCut ? panelledEverywhere(fused) : fused
        lastWrites(program).forEach((last, output) => {
          const buffer = program.inputs + output
          const writers = program.kernels.map((kernel) => writesOfFused(kernel).includes(buffer))
          expect(writers.lastIndexOf(true)).toBe(last)
          if (program.buffers[buffer].size > 0) expect(last).toBeGreaterThanOrEqual(0)
        })
      })
    )
  })

  it('are in the order in which they are finished', () => {
    fc.assert(
      fc.property(graphs(40), (graph) => {
        const program = programOf(graph)
        const order = finishOrder(program, wasmLimits)
        const last = lastWrites(fuse(schedule(program, wasmLimits), wasmLimits))
        expect([...order].sort((a, b) => a - b)).toEqual(program.outputs.map((_, output) => output))
        const ends = order.map((output) => last[output])
        expect(ends).toEqual([...ends].sort((a, b) => a - b))
      })
    )
  })
})
