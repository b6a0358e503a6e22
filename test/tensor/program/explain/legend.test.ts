import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { legendOf, type Legend } from '../../../../src/tensor/program/explain/legend.js'
import type { Program } from '../../../../src/tensor/program/program.js'

const programOf = (inputs: ReadonlyArray<string>, outputs: ReadonlyArray<string>): Program => ({
  inputs: inputs.map((name) => ({ name, shape: [], dtype: 'f32' })),
  instructions: [],
  outputs: outputs.map((name) => ({ name, value: 0 }))
})

const allOf = (program: Program): ReadonlyArray<number> =>
  [...program.inputs, ...program.outputs].map((_, buffer) => buffer)

const legend = (
  inputs: ReadonlyArray<string>,
  outputs: ReadonlyArray<string> = [],
  axes: ReadonlyArray<string> = []
): Legend => {
  const program = programOf(inputs, outputs)
  return legendOf(program, allOf(program), axes)
}

const namesIn = ({ nameOf }: Legend, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, buffer) => nameOf(buffer))

describe('names', () => {
  it('are the ends of paths, and the legend has what is before them', () => {
    const found = legend(['0.layer.1.dense.bias', '0.layer.1.norm.bias', '1.ids'], ['0.layer.1.norm.bias'])
    expect(namesIn(found, 5)).toEqual(['dense.bias', 'norm.bias', 'ids', 'out.norm.bias', 'b4'])
    expect(found.entries).toEqual([
      ['0.layer.1.*', ['dense.bias', 'norm.bias', 'out.norm.bias']],
      ['1.*', ['ids']]
    ])
  })

  it('are another part of paths that end alike', () => {
    const path = 'model.encoder.dense.bias'
    const found = legend([`0.mu.${path}`, `0.nu.${path}`, `1.${path}`], [`mu.${path}`])
    expect(namesIn(found, 4)).toEqual(['mu', 'nu', 'in.1', 'out.dense.bias'])
    expect(found.entries).toContainEqual([`0.*.${path}`, ['mu', 'nu']])
    expect(found.entries).toContainEqual([`*.${path}`, ['in.1']])
  })

  it('need no legend where they are the whole path', () => {
    const found = legend(['x', '0', ''], ['', '1'])
    expect(namesIn(found, 5)).toEqual(['x', 'in.0', 'in', 'out', 'out.1'])
    expect(found.entries).toEqual([])
  })

  it('are never those of axes or of other buffers', () => {
    expect(namesIn(legend(['i', 'b7', 'x'], [], ['i', 'j']), 3)).toEqual(['in.i', 'in.b7', 'x'])
  })

  it('give way to numbers where paths are no words, or the same', () => {
    const found = legend(['a + b', 'spec', 'spec'], ['x y'])
    expect(namesIn(found, 4)).toEqual(['b0', 'b1', 'b2', 'b3'])
    expect(found.entries).toEqual([
      ['input "a + b"', ['b0']],
      ['input "spec"', ['b1', 'b2']],
      ['output "x y"', ['b3']]
    ])
  })

  const segment = fc.constantFrom('w', 'b', 'b0', '0', '1', 'i', 'out', 'in', 'a b', '')
  const paths = fc.array(
    fc.array(segment, { maxLength: 4 }).map((path) => path.join('.')),
    { maxLength: 6 }
  )

  it('tell buffers apart, and with the legend give every path back', () => {
    fc.assert(
      fc.property(paths, paths, (inputs, outputs) => {
        const found = legend(inputs, outputs, ['i'])
        const names = namesIn(found, inputs.length + outputs.length)
        expect(new Set(names).size).toBe(names.length)
        expect(names).not.toContain('i')
        const full = (name: string): string => {
          const [pattern] = found.entries.find(([, listed]) => listed.includes(name)) ?? ['*']
          const part = name.replace(/^(in|out)(\.|$)/, '')
          return pattern.startsWith('input ') || pattern.startsWith('output ')
            ? String(JSON.parse(pattern.slice(pattern.indexOf('"'))))
            : pattern.replace('*', part)
        }
        expect(names.map(full)).toEqual([...inputs, ...outputs])
      })
    )
  })
})
