import fc from 'fast-check'
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sha256, sha256OfConfig, sha256OfTensors, sha256OfText } from '../../../src/electra/store/digest.js'
import { storedFrom, type NamedStored } from '../../../src/tensor/stored.js'
import { preset } from './checkpoints/checkpoint-cases.js'

const tensor = (name: string): fc.Arbitrary<NamedStored> =>
  fc
    .uint8Array({ minLength: 8, maxLength: 8 })
    .chain((bytes) =>
      fc.constantFrom([2], [1, 2], [2, 1]).map((shape) => ({ name, ...storedFrom('F32', shape, bytes) }))
    )

const tensors = fc
  .uniqueArray(fc.stringMatching(/^[a-c."]{0,3}$/), { maxLength: 5 })
  .chain((names) => fc.tuple(...names.map(tensor)))

describe('the hash of tensors', () => {
  it('does not depend on their order', () => {
    fc.assert(
      fc.property(tensors, (xs) => {
        expect(sha256OfTensors([...xs].reverse())).toBe(sha256OfTensors(xs))
      })
    )
  })

  it('is that of the documented bytes', () => {
    // "b": F32 [2] = 1, -0 and "a": I32 [] = 3
    const xs: ReadonlyArray<NamedStored> = [
      { name: 'b', dtype: 'F32', shape: [2], data: Float32Array.of(1, -0) },
      { name: 'a', dtype: 'I32', shape: [], data: Int32Array.of(3) }
    ]
    const bytes = Buffer.concat([
      Buffer.from('["a","I32",[]]\n'),
      Buffer.from([3, 0, 0, 0]),
      Buffer.from('["b","F32",[2]]\n'),
      Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0, 0x80])
    ])
    expect(sha256OfTensors(xs)).toBe(createHash('sha256').update(bytes).digest('hex'))
  })

  it('changes with a name, a shape, an element type or one bit', () => {
    const x: NamedStored = { name: 'a', dtype: 'F32', shape: [2], data: Float32Array.of(1, 0) }
    const others: ReadonlyArray<NamedStored> = [
      { ...x, name: 'b' },
      { ...x, shape: [1, 2] },
      { ...x, shape: [2, 1] },
      { ...x, dtype: 'I32', data: new Int32Array(x.data.slice().buffer) },
      { ...x, data: Float32Array.of(1, -0) }
    ]
    expect(new Set([x, ...others].map((y) => sha256OfTensors([y]))).size).toBe(6)
  })
})

describe('the hash of bytes', () => {
  it('is SHA-256', () => {
    // FIPS 180-2, appendix B.1.
    expect(sha256OfText('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })

  it('is the same however the bytes are cut into pieces for the hash', () => {
    const bytes = new Uint8Array(2 ** 26 + 3).fill(5)
    expect(sha256(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'))
  })
})

describe('the hash of a configuration', () => {
  it('leaves out its name and how the run is driven, and nothing else', () => {
    const nano = preset('nano')
    expect(sha256OfConfig({ ...nano, name: 'other', training: { ...nano.training, steps: 9 } })).toBe(
      sha256OfConfig(nano)
    )
    expect(sha256OfConfig({ ...nano, shards: 1 })).not.toBe(sha256OfConfig(nano))
    expect(sha256OfConfig({ ...nano, model: { ...nano.model, hiddenDropout: 0 } })).not.toBe(sha256OfConfig(nano))
  })
})
