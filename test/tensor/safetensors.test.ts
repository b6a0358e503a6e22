import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decode, encode, headerLimit, showSafetensorsError } from '../../src/tensor/safetensors.js'
import type { Metadata, Safetensors, SafetensorsError } from '../../src/tensor/safetensors.js'
import { sizeOf } from '../../src/tensor/shape.js'
import { bytesOf, storedBytes, storedDTypes, storedFrom, type NamedStored } from '../../src/tensor/stored.js'

const fixture = (name: string): Uint8Array => readFileSync(new URL(`../fixtures/${name}`, import.meta.url))

const right = (bytes: Uint8Array): Safetensors => {
  const decoded = decode(bytes)
  if (E.isLeft(decoded)) throw new Error(showSafetensorsError(decoded.left))
  return decoded.right
}

const left = (bytes: Uint8Array): SafetensorsError => {
  const decoded = decode(bytes)
  if (E.isRight(decoded)) throw new Error('decoded a file that is not valid')
  return decoded.left
}

/** A file with a header written by hand. */
const file = (header: string, data = 0): Uint8Array => {
  const text = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + text.length + data)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  return bytes
}

// Bytes at random, so that floats are NaNs with payloads, negative zeros and subnormals as often as numbers.
const entry = (name: string): fc.Arbitrary<NamedStored> =>
  fc
    .record({
      dtype: fc.constantFrom(...storedDTypes),
      shape: fc.array(fc.nat({ max: 3 }), { maxLength: 3 })
    })
    .chain(({ dtype, shape }) => {
      const length = sizeOf(shape) * storedBytes[dtype]
      return fc
        .uint8Array({ minLength: length, maxLength: length })
        .map((bytes) => ({ name, ...storedFrom(dtype, shape, bytes) }))
    })

const wellFormed = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: 'binary', maxLength })

const name = fc
  .oneof(wellFormed(8), fc.constantFrom('', '0', '10', '__proto__', 'constructor', 'a"b\\c', '\u0000\n', 'weights'))
  .filter((text) => text !== '__metadata__')

const entries: fc.Arbitrary<ReadonlyArray<NamedStored>> = fc
  .uniqueArray(name, { maxLength: 6 })
  .chain((names) => fc.tuple(...names.map(entry)))

const metadata: fc.Arbitrary<Metadata> = fc
  .array(fc.tuple(name, wellFormed(12)), { maxLength: 4 })
  .map((pairs) => Object.fromEntries(pairs))

const bits = ({ name, dtype, shape, data }: NamedStored): unknown => [name, dtype, shape, [...bytesOf(data)]]

const byName = (xs: ReadonlyArray<NamedStored>): ReadonlyArray<unknown> =>
  [...xs].sort((a, b) => (a.name < b.name ? -1 : 1)).map(bits)

const named = (x: Safetensors): ReadonlyArray<NamedStored> =>
  [...x.tensors].map(([name, stored]) => ({ ...stored, name }))

describe('a safetensors file', () => {
  it('gives back every tensor and every piece of metadata, bit for bit', () => {
    fc.assert(
      fc.property(entries, metadata, (xs, about) => {
        const decoded = right(encode(xs, about))
        expect(byName(named(decoded))).toEqual(byName(xs))
        expect(Object.entries(decoded.metadata).sort()).toEqual(Object.entries(about).sort())
      })
    )
  })

  it('depends on what it holds, not on the order in which it was given', () => {
    fc.assert(
      fc.property(entries, metadata, (xs, about) => {
        const turned = Object.fromEntries(Object.entries(about).reverse())
        expect(encode([...xs].reverse(), turned)).toEqual(encode(xs, about))
      })
    )
  })

  it('starts its data at a multiple of eight bytes', () => {
    fc.assert(
      fc.property(entries, (xs) => {
        const bytes = encode(xs)
        expect(new DataView(bytes.buffer).getBigUint64(0, true) % 8n).toBe(0n)
      })
    )
  })

  it('is read from any offset of a larger buffer, and shares nothing with it', () => {
    fc.assert(
      fc.property(entries, fc.nat({ max: 9 }), (xs, offset) => {
        const bytes = encode(xs)
        const larger = new Uint8Array(offset + bytes.length + 3)
        larger.set(bytes, offset)
        const decoded = right(larger.subarray(offset, offset + bytes.length))
        larger.fill(0xff)
        expect(byName(named(decoded))).toEqual(byName(xs))
      })
    )
  })

  it('is byte for byte what the reference implementation writes', () => {
    // safetensors 0.8.0: save({'b': f32 [[1, -0]], 'a': f16 [0.5], 'é': u8 [], '0': i64 scalar -2, 'z': bool [1, 0, 1],
    // 'f': f64 [nan], 'w': bf16 [1.0]}, {'format': 'np'})
    const golden = fixture('reference.safetensors')
    const i64 = new Uint8Array(BigInt64Array.of(-2n).buffer)
    const f64 = new Uint8Array(Float64Array.of(NaN).buffer)
    const f32 = new Uint8Array(Float32Array.of(1, -0).buffer)
    const xs: ReadonlyArray<NamedStored> = [
      { name: 'b', ...storedFrom('F32', [1, 2], f32) },
      { name: 'a', ...storedFrom('F16', [1], Uint8Array.of(0x00, 0x38)) },
      { name: 'é', ...storedFrom('U8', [0], new Uint8Array(0)) },
      { name: '0', ...storedFrom('I64', [], i64) },
      { name: 'z', ...storedFrom('BOOL', [3], Uint8Array.of(1, 0, 1)) },
      { name: 'f', ...storedFrom('F64', [1], f64) },
      { name: 'w', ...storedFrom('BF16', [1], Uint8Array.of(0x80, 0x3f)) }
    ]
    expect(encode(xs, { format: 'np' })).toEqual(new Uint8Array(golden))
    expect(byName(named(right(golden)))).toEqual(byName(xs))
  })

  it.each([
    ['electra_a.safetensors', 5.7475119740273275],
    ['electra_b.safetensors', 7.755283992431155]
  ])('written by PyTorch is read: %s', (name, loss) => {
    const { tensors, metadata } = right(fixture(name))
    expect(tensors.size).toBe(431)
    expect(metadata['format']).toBe('pt')
    expect(tensors.get('discriminator.electra.embeddings.word_embeddings.weight')).toMatchObject({ dtype: 'F32' })
    expect(tensors.get('inputs.input_ids')).toMatchObject({ dtype: 'I32', shape: [3, 12] })
    expect(tensors.get('outputs.f64.mlm_loss')).toEqual({ dtype: 'F64', shape: [], data: Float64Array.of(loss) })
  })
})

describe('decoding', () => {
  const valid = encode(
    [
      { name: 'a', dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
      { name: 'b', dtype: 'I32', shape: [3], data: Int32Array.of(1, 2, 3) },
      { name: 'c', dtype: 'U8', shape: [], data: Uint8Array.of(7) }
    ],
    { about: 'a file' }
  )

  it('never throws, whatever bytes of a valid file are changed, and says something short', () => {
    const change = fc.record({ at: fc.nat({ max: valid.length - 1 }), to: fc.nat({ max: 255 }) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = new Uint8Array(valid)
        for (const { at, to } of changes) bytes[at] = to
        const decoded = decode(bytes)
        if (E.isLeft(decoded)) expect(showSafetensorsError(decoded.left).length).toBeLessThan(400)
        else expect(named(decoded.right).reduce((n, { data }) => n + data.byteLength, 0)).toBe(29)
      }),
      { numRuns: 2000 }
    )
  })

  it('never throws on JSON that has nothing to do with tensors', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat({ max: 8 }), (json, data) => {
        const decoded = decode(file(json, data))
        expect(E.isLeft(decoded) || decoded.right.tensors.size === 0).toBe(true)
      })
    )
  })

  it('never throws on entries of hostile values', () => {
    const hostile = fc.oneof(
      fc.constantFrom<unknown>(-1, 0.5, 2 ** 53, 1e308, -0, null, '1', true, {}, [], 2 ** 31, 0, 1),
      fc.array(fc.constantFrom<unknown>(-1, 0, 1, 2, 4, 2 ** 31, 2 ** 52, 0.5, null, '1'), { maxLength: 3 })
    )
    const info = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom('F32', 'BOOL', 'I64', 'F8_E4M3'), hostile),
        shape: hostile,
        data_offsets: hostile
      },
      { requiredKeys: [] }
    )
    fc.assert(
      fc.property(fc.dictionary(name, info), fc.nat({ max: 16 }), (header, data) => {
        const decoded = decode(file(JSON.stringify(header), data))
        if (E.isRight(decoded)) expect(named(decoded.right).reduce((n, x) => n + x.data.byteLength, 0)).toBe(data)
        else expect(showSafetensorsError(decoded.left).length).toBeLessThan(400)
      }),
      { numRuns: 1000 }
    )
  })

  it('refuses every proper prefix of a file', () => {
    for (let length = 0; length < valid.length; length++) expect(left(valid.subarray(0, length))._tag).toBe('Truncated')
  })

  const refused: ReadonlyArray<readonly [string, Uint8Array, Partial<SafetensorsError>]> = [
    ['bytes behind the last tensor', new Uint8Array([...valid, 0]), { _tag: 'TrailingBytes', found: 30, expected: 29 }],
    [
      'a header larger than the limit',
      Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 0x7b),
      { _tag: 'HeaderTooLarge', found: 2n ** 64n - 1n, limit: headerLimit }
    ],
    ['an empty header', file(''), { _tag: 'InvalidHeader', found: 'first byte nothing' }],
    ['a header that is an array', file('[]'), { _tag: 'InvalidHeader', expected: "'{'" }],
    ['a header with a space in front', file(' {}'), { _tag: 'InvalidHeader', expected: "'{'" }],
    ['a header that is not JSON', file('{"a":'), { _tag: 'InvalidHeader', found: 'text that is not JSON' }],
    [
      'a header that is not UTF-8',
      file('{"a":"xx"}').map((b) => (b === 0x78 ? 0xff : b)),
      { _tag: 'InvalidHeader', found: 'bytes that are not UTF-8' }
    ],
    [
      'a name that stands twice',
      file(
        '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1
      ),
      { _tag: 'DuplicateName', name: 'a' }
    ],
    [
      'a key of an entry that stands twice',
      file('{"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}'),
      { _tag: 'DuplicateName', name: 'dtype' }
    ],
    [
      'an unknown key',
      file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"offset":0}}'),
      { _tag: 'InvalidHeader', where: 'tensor "a"', found: 'the key "offset"' }
    ],
    [
      'an element type it does not know',
      file('{"a":{"dtype":"F8_E4M3","shape":[0],"data_offsets":[0,0]}}'),
      { _tag: 'UnsupportedDType', name: 'a', found: '"F8_E4M3"' }
    ],
    [
      'an entry without a shape',
      file('{"a":{"dtype":"U8","data_offsets":[0,0]}}'),
      { _tag: 'InvalidLayout', name: 'a', found: 'shape nothing' }
    ],
    [
      'a negative extent',
      file('{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}'),
      { _tag: 'InvalidLayout', found: 'shape [-1]' }
    ],
    [
      'a shape whose size overflows',
      file('{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'),
      { _tag: 'InvalidLayout', expected: 'fewer than 2^53 bytes' }
    ],
    [
      'offsets in the wrong order',
      file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}', 1),
      { _tag: 'InvalidLayout', found: 'data_offsets [1, 0]' }
    ],
    [
      'offsets that do not hold the shape',
      file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4),
      { _tag: 'InvalidLayout', found: '4 bytes', expected: '8 for F32 [2]' }
    ],
    [
      'a gap',
      file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', 2),
      { _tag: 'InvalidLayout', found: 'data beginning at byte 1' }
    ],
    [
      'an overlap',
      file(
        '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        2
      ),
      { _tag: 'InvalidLayout', name: 'b', found: 'data beginning at byte 1' }
    ],
    [
      'metadata that is not text',
      file('{"__metadata__":{"step":3}}'),
      { _tag: 'InvalidHeader', where: '__metadata__."step"', found: '3' }
    ]
  ]

  it.each(refused)('refuses %s', (_, bytes, expected) => {
    expect(left(bytes)).toMatchObject(expected)
  })

  it('survives a header nested a million deep', () => {
    expect(left(file(`{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`))._tag).toBe('InvalidHeader')
  })

  it('reads names that objects treat specially', () => {
    const decoded = right(file('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1))
    expect([...decoded.tensors.keys()]).toEqual(['__proto__'])
  })
})

describe('encoding', () => {
  const one: NamedStored = { name: 'a', dtype: 'U8', shape: [1], data: Uint8Array.of(1) }

  it.each<readonly [string, ReadonlyArray<NamedStored>, Metadata]>([
    ['a name used twice', [one, one], {}],
    ['the reserved name', [{ ...one, name: '__metadata__' }], {}],
    ['half of a surrogate pair', [{ ...one, name: '\ud800' }], {}],
    ['ill-formed metadata', [one], { about: '\udc00' }],
    ['an array that does not fill its shape', [{ ...one, shape: [2] }], {}]
  ])('refuses %s', (_, xs, about) => {
    expect(() => encode(xs, about)).toThrow(/^safetensors: found/)
  })
})
