import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { add, matmul, mul, pad, softmax } from '../../../src/tensor/index.js'
import { lower } from '../../../src/tensor/program/lower.js'
import { printProgram } from '../../../src/tensor/program/print.js'
import type { Program } from '../../../src/tensor/program/program.js'
import { deserialise, showProgramFormatError } from '../../../src/tensor/program/deserialise.js'
import { serialise } from '../../../src/tensor/program/serialise.js'
import { inputNode } from '../../../src/tensor/tensor.js'
import { graphs } from './graphs.js'

const programs = graphs().map(
  ({ inputs, outputs }): Program =>
    lower(
      outputs.map(({ tensor: x }, i) => ({ name: String(i), tensor: x })),
      inputs
    ).program
)

const x = inputNode('x', [2, 2], 'f32')

const small = lower([{ name: 'y', tensor: pipe(x, matmul(x), softmax(-1)) }], [x]).program

/** The reason that a text is refused; fails where it is not. */
const refusal = (text: string): string => {
  const read = deserialise(text)
  if (E.isRight(read)) throw new Error('the text was accepted')
  return showProgramFormatError(read.left)
}

type Json = { [key: string]: unknown }

/** The small program's text with a part of it changed. */
const changed = (
  change: (json: { instructions: Array<Json>; inputs: Array<Json>; outputs: Array<Json>; version: unknown }) => void
): string => {
  const json = JSON.parse(serialise(small)) as Parameters<typeof change>[0]
  change(json)
  return JSON.stringify(json)
}

describe('a program as text', () => {
  it('is read back as the same program', () => {
    fc.assert(
      fc.property(programs, (program) => {
        expect(deserialise(serialise(program))).toEqual(E.right(program))
      })
    )
  })

  it('keeps numbers that JSON has not', () => {
    const odd = [NaN, Infinity, -Infinity, -0, 0, Number.MIN_VALUE, 1e308]
    const outputs = odd.map((value, i) => ({
      name: String(i),
      tensor: pipe(
        x,
        add(value),
        pad(
          [
            [1, 0],
            [0, 0]
          ],
          value
        )
      )
    }))
    const { program } = lower(outputs, [x])
    const read = deserialise(serialise(program))
    // `toEqual` tells -0 from 0, and takes NaN for itself.
    expect(read).toEqual(E.right(program))
  })

  it('is refused, not thrown at, whatever is changed in it', () => {
    const text = serialise(small)
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ minLength: 0, maxLength: 3 }), (at, put) => {
        const read = deserialise(text.slice(0, at) + put + text.slice(at + 1))
        // Where it is still a program, it is one that can be printed: sound.
        if (E.isRight(read)) expect(printProgram(read.right)).not.toBe('')
      })
    )
  })

  it('is refused where it is cut short', () => {
    const text = serialise(small)
    fc.assert(fc.property(fc.nat(text.length - 1), (end) => E.isLeft(deserialise(text.slice(0, end)))))
  })

  it.each([
    ['another version', (j: Json) => (j.version = 2), 'program: version: '],
    ['an unknown key', (j: Json) => (j.extra = 1), 'the unknown key "extra"'],
    [
      'an unknown operation',
      (j: { instructions: Array<Json> }) => (j.instructions[0].op = { _tag: 'explode' }),
      'program: instructions.0.op._tag: '
    ]
  ])('with %s is refused in words', (_, change, words) => {
    expect(refusal(changed(change as Parameters<typeof changed>[0]))).toContain(words)
  })

  it('that uses a value before it is made is refused', () => {
    expect(refusal(changed((j) => (j.instructions[0].inputs = [0, 5])))).toBe(
      'program: instruction 0 (dot): found a use of value 5, expected values made before it'
    )
  })

  it('that states another shape or dtype than its operation gives is refused', () => {
    expect(refusal(changed((j) => (j.instructions[0].shape = [2, 3])))).toBe(
      'program: instruction 0 (dot): found a result stated as f32[2, 3], expected f32[2, 2]'
    )
    expect(refusal(changed((j) => (j.instructions[0].dtype = 'i32')))).toContain('expected f32[2, 2]')
  })

  it('whose operands do not fit the operation is refused', () => {
    expect(refusal(changed((j) => (j.inputs[0].shape = [3, 2])))).toContain(
      'dot: shapes do not match: [3, 2] and [3, 2]'
    )
    expect(refusal(changed((j) => (j.instructions[0].inputs = [0])))).toContain('found 1 operands, expected 2')
  })

  it('whose output is no value is refused', () => {
    expect(refusal(changed((j) => (j.outputs[0].value = 99)))).toContain("program: output 'y': found value 99")
  })
})

describe('a printed program', () => {
  it('has a line for each value, with its shape', () => {
    const y = inputNode('y', [2, 1], 'f32')
    const { program } = lower([{ name: 'z', tensor: pipe(x, matmul(y), mul(2)) }], [x, y])
    expect(printProgram(program)).toBe(
      [
        '%0: f32[2, 2] = input x',
        '%1: f32[2, 1] = input y',
        '%2: f32[2, 1] = dot %0 %1 batch []x[] contract [1]x[0]',
        '%3: f32[] = constant 2',
        '%4: f32[2, 1] = broadcast %3',
        '%5: f32[2, 1] = mul %2 %4',
        'return %5 as z'
      ].join('\n')
    )
  })
})
