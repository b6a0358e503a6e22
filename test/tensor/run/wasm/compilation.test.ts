import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Data } from '../../../../src/tensor/dtype.js'
import { explain } from '../../../../src/tensor/program/explain.js'
import type { Compilation } from '../../../../src/tensor/run/wasm/compilation.js'
import { allocateOutputs } from '../../../../src/tensor/run/arrays.js'
import type { Executable } from '../../../../src/tensor/run/device.js'
import { wasm } from '../../../../src/tensor/run/wasm/wasm.js'
import { programOf, right } from '../../program/agreement.js'
import { graphs } from '../../program/graphs.js'

/** As another thread receives it. */
const crossed = (compilation: Compilation): Promise<Compilation> => {
  const { port1, port2 } = new MessageChannel()
  return new Promise((resolve) => {
    port2.onmessage = ({ data }: MessageEvent<Compilation>) => {
      port2.close()
      resolve(data)
    }
    port1.postMessage(compilation)
  })
}

const ran = ({ program, run }: Executable<'sync'>, inputs: ReadonlyArray<Data>): ReadonlyArray<Data> => {
  const outputs = allocateOutputs(program, 'float32')
  right(run(inputs, outputs)())
  return outputs
}

it('a program loaded from what another device compiled is the same program', () =>
  fc.assert(
    fc.asyncProperty(graphs(20), async (graph) => {
      const program = programOf(graph)
      const own = right(wasm().load(program))
      if (own.compilation === undefined) throw new Error('nothing was compiled')
      const taken = right(wasm().load(program, await crossed(own.compilation)))
      expect(taken.compilation?.module).not.toBe(undefined)
      expect([taken.workingBytes, explain(taken)]).toEqual([own.workingBytes, explain(own)])
      expect(ran(taken, graph.data)).toEqual(ran(own, graph.data))
    }),
    { numRuns: 50 }
  ))
