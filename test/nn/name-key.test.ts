import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldName, hashName } from '../../src/nn/name-key.js'
import { key } from '../../src/tensor/random.js'
import { values } from './double.js'

describe('hashName', () => {
  // The test vectors of the FNV authors: http://www.isthe.com/chongo/src/fnv/test_fnv.c
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['b', 0xe70c2de5],
    ['foobar', 0xbf9cf968]
  ])('of %j is 32-bit FNV-1a', (name, hash) => {
    expect(hashName(name)).toBe(hash)
  })

  it('is an unsigned 32-bit integer for any string', () => {
    fc.assert(fc.property(fc.string(), (name) => hashName(name) === hashName(name) >>> 0))
  })

  it('tells apart the parameters of a large model', () => {
    const names = Array.from({ length: 48 }, (_, i) => i).flatMap((i) =>
      ['attention.self.query', 'attention.self.key', 'attention.output.dense', 'output.dense'].flatMap((part) => [
        `encoder.layer.${i}.${part}.weight`,
        `encoder.layer.${i}.${part}.bias`
      ])
    )
    expect(new Set(names.map(hashName)).size).toBe(names.length)
  })
})

describe('foldName', () => {
  it('gives one key for one name, and another for another', () => {
    expect(values(foldName('weight')(key(1)))).toEqual(values(foldName('weight')(key(1))))
    expect(values(foldName('weight')(key(1)))).not.toEqual(values(foldName('bias')(key(1))))
    expect(values(foldName('weight')(key(1)))).not.toEqual(values(foldName('weight')(key(2))))
  })
})
