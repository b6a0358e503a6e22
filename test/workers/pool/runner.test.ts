import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { outputSpecs } from '../../../src/tensor/program/program.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { allocateSlots, readSlots, writeSlots } from '../../../src/workers/pool/memory.js'
import { runnerOf } from '../../../src/workers/pool/runner.js'
import { programOf, right } from '../../tensor/program/agreement.js'
import { graphs } from '../../tensor/program/graphs.js'

/** Positions of outputs in groups, of which some may be empty and some positions in none. */
const groupsOf = (outputs: number): fc.Arbitrary<ReadonlyArray<ReadonlyArray<number>>> =>
  fc
    .array(fc.nat({ max: 4 }), { minLength: outputs, maxLength: outputs })
    .map((groups) => [0, 1, 2, 3].map((group) => groups.flatMap((of, output) => (of === group ? [output] : []))))

describe('a run of a task with groups of outputs', () => {
  it('says of each group when it is as it will be, one after the other, and of the last by its end', () =>
    fc.assert(
      fc.asyncProperty(
        graphs(40).chain((graph) => fc.record({ graph: fc.constant(graph), groups: groupsOf(graph.outputs.length) })),
        async ({ graph, groups }) => {
          const program = programOf(graph)
          const device = wasm()
          const runner = runnerOf(device)
          const memory = right(device.memory())
          const slots = right(
            allocateSlots(memory, 'float32', { inputs: program.inputs, outputs: outputSpecs(program) })()
          )
          right(writeSlots(memory, 'float32')('test', slots.inputs, graph.data)())
          right(runner.load(0, program)())
          const read = readSlots(memory, 'float32')
          const heard: Array<number> = []
          const early: Array<readonly [number, unknown]> = []
          const ran = await runner.run({ program: 0, ...slots, groups }, (count) => {
            for (let group = heard.at(-1) ?? 0; group < count; group++)
              early.push([group, read(groups[group].map((output) => slots.outputs[output]))()])
            heard.push(count)
          })()
          expect(ran).toEqual(E.right(undefined))
          for (const [group, arrays] of early)
            expect(arrays).toEqual(read(groups[group].map((output) => slots.outputs[output]))())
          expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b))
          if (program.instructions.length > 0 && heard.length > 0) expect(heard.at(-1)).toBe(groups.length)
        }
      )
    ))
})
