import { describe, expect, it } from 'vitest'
import { library } from '../../../../src/tensor/emit/wgsl/library.js'
import { cases } from './cases.js'

const defined = (source: string): ReadonlyArray<string> => [...source.matchAll(/\bfn (\w+)/g)].map(([, name]) => name)

const called = (source: string): ReadonlyArray<string> => source.match(/\bpe_\w+/g) ?? []

describe('the library of a piece of WGSL', () => {
  const pieces = [
    ...cases.map(({ name, print }) => ({ name, code: print('x', 'y', 'z') })),
    { name: 'threefry', code: 'pe_threefry(k, c)' }
  ]

  it.each(pieces)('defines all that $name calls, each once, and callees first', ({ code }) => {
    const source = library(code)
    const names = defined(source)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toEqual(expect.arrayContaining([...called(code)]))
    const known = new Set<string>()
    for (const declaration of source.split(/^fn /m).slice(1)) {
      const [name, ...callees] = called(declaration)
      for (const callee of callees) expect(known).toContain(callee)
      known.add(name)
    }
  })

  it('is nothing of what calls nothing, and leaves names alone that are no functions of it', () => {
    expect(library('x + y')).toBe('')
    expect(library('pe_exponent + my_pe_exp(x)')).toBe('')
  })

  it('has a function once where many call it', () => {
    expect(library('pe_exp(x) + pe_exp(y) + pe_tanh(z)')).toBe(library('pe_exp(x) + pe_tanh(z)'))
  })
})
