import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { extract } from '../../../src/tensor/program/extract.js'
import { specOf } from '../../../src/tensor/program/program.js'
import { programOf } from './agreement.js'
import { graphs } from './graphs.js'

describe('a part of a program', () => {
  it('that wants everything, given nothing, is the program, but for inputs that nothing reads', () => {
    fc.assert(
      fc.property(graphs(20), (graph) => {
        const program = programOf(graph)
        const part = extract(program, program.outputs)
        expect(part.program.instructions).toHaveLength(program.instructions.length)
        expect(part.program.outputs.map(({ name }) => name)).toEqual(program.outputs.map(({ name }) => name))
        expect(part.inputs.every((v) => v < program.inputs.length)).toBe(true)
      })
    )
  })

  it('computes nothing that it is given, and reads only what comes before', () => {
    fc.assert(
      fc.property(graphs(20), fc.nat(), (graph, n) => {
        const program = programOf(graph)
        const first = program.inputs.length
        const values = first + program.instructions.length
        const given = first < values ? [first + (n % (values - first))] : []
        const { program: part, inputs } = extract(program, program.outputs, given)
        part.instructions.forEach((instruction, i) =>
          instruction.inputs.forEach((v) => expect(v).toBeLessThan(part.inputs.length + i))
        )
        inputs.forEach((v, i) => {
          const { shape, dtype } = specOf(program, v)
          expect(part.inputs[i]).toMatchObject({ shape, dtype })
        })
        const without = extract(program, program.outputs).program.instructions.length
        if (inputs.includes(given[0])) expect(part.instructions.length).toBeLessThan(without)
      })
    )
  })
})
