/**
 * The safetensors file format: eight bytes of header length, a JSON header, and the tensors' bytes end to end.
 *
 * Pure, and byte for byte what Hugging Face's implementation writes (metadata keys in sorted order, which theirs does not
 * fix). Reading trusts nothing: a file either is whole and well-formed or is one clear error.
 * Source: https://github.com/huggingface/safetensors#format
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { describe } from './describe.js'
import { invalidArgument } from './fault.js'
import { showShape, sizeOf, type Shape } from './shape.js'
import { bytesOf, storedBytes, storedDTypes, storedFrom } from './stored.js'
import type { NamedStored, Stored, StoredDType } from './stored.js'
import { bracketsIn, parseJson, showJsonError } from './strict-json.js'

export type Metadata = Readonly<Record<string, string>>

export type Safetensors = {
  /** By name, in the order of their bytes. The arrays are copies: nothing refers to the file's own bytes. */
  readonly tensors: ReadonlyMap<string, Stored>
  readonly metadata: Metadata
}

export type SafetensorsError =
  /** The file ends early: sizes in bytes. */
  | { readonly _tag: 'Truncated'; readonly what: string; readonly found: number; readonly expected: number }
  | { readonly _tag: 'HeaderTooLarge'; readonly found: bigint; readonly limit: number }
  | { readonly _tag: 'InvalidHeader'; readonly where: string; readonly found: string; readonly expected: string }
  | { readonly _tag: 'DuplicateName'; readonly name: string }
  | { readonly _tag: 'UnsupportedDType'; readonly name: string; readonly found: string }
  | { readonly _tag: 'InvalidLayout'; readonly name: string; readonly found: string; readonly expected: string }
  /** Bytes behind the last tensor. */
  | { readonly _tag: 'TrailingBytes'; readonly found: number; readonly expected: number }

export const showSafetensorsError = (e: SafetensorsError): string => {
  switch (e._tag) {
    case 'Truncated':
      return `the file is cut short: ${e.what} needs ${e.expected} bytes, ${e.found} are there`
    case 'HeaderTooLarge':
      return `the header claims ${e.found} bytes, the limit is ${e.limit}`
    case 'InvalidHeader':
      return `${e.where}: found ${e.found}, expected ${e.expected}`
    case 'DuplicateName':
      return `the header holds the name ${describe(e.name)} twice`
    case 'UnsupportedDType':
      return `tensor ${describe(e.name)}: found dtype ${e.found}, expected one of ${storedDTypes.join(', ')}`
    case 'InvalidLayout':
      return `tensor ${describe(e.name)}: found ${e.found}, expected ${e.expected}`
    case 'TrailingBytes':
      return `found ${e.found} bytes of tensors, expected ${e.expected}`
  }
}

/** Largest header that is read or written, the limit of the reference implementation. */
export const headerLimit = 100_000_000

const metadataKey = '__metadata__'

// ------------------------------------------------------------------ writing

/** By code point, which is the order of the UTF-8 bytes. */
const byCodePoint = (a: string, b: string): number => {
  const [x, y] = [Array.from(a), Array.from(b)]
  const at = x.findIndex((c, i) => c !== y[i])
  if (at < 0) return x.length - y.length
  return at >= y.length ? 1 : (x[at].codePointAt(0) ?? 0) - (y[at].codePointAt(0) ?? 0)
}

const byLayout = (a: NamedStored, b: NamedStored): number =>
  storedDTypes.indexOf(a.dtype) - storedDTypes.indexOf(b.dtype) || byCodePoint(a.name, b.name)

const expectText = (what: string, text: string): void => {
  if (/\p{Surrogate}/u.test(text)) throw invalidArgument('safetensors', `${what} ${describe(text)}`, 'well-formed text')
}

const expectWritable = (entries: ReadonlyArray<NamedStored>, metadata: Metadata): void => {
  const names = new Set<string>()
  for (const { name, shape, data } of entries) {
    expectText('the name', name)
    if (name === metadataKey || names.has(name))
      throw invalidArgument('safetensors', `the name ${describe(name)}`, `names used once, and not ${metadataKey}`)
    names.add(name)
    if (data.length !== sizeOf(shape))
      throw invalidArgument('safetensors', `${data.length} values for ${name}`, `shape ${showShape(shape)} filled`)
  }
  for (const [key, value] of Object.entries(metadata)) {
    expectText('the metadata key', key)
    expectText('the metadata value', value)
  }
}

const headerOf = (ordered: ReadonlyArray<NamedStored>, metadata: Metadata): Uint8Array => {
  // Assembled as text: an object would move names that look like integers to the front.
  const pairs = Object.entries(metadata)
    .sort(([a], [b]) => byCodePoint(a, b))
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
  const members = pairs.length === 0 ? [] : [`"${metadataKey}":{${pairs.join(',')}}`]
  let begin = 0
  for (const { name, dtype, shape, data } of ordered) {
    const end = begin + data.byteLength
    members.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${begin},${end}]}`
    )
    begin = end
  }
  const text = `{${members.join(',')}}`
  const bytes = new TextEncoder().encode(text)
  const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8).fill(0x20)
  padded.set(bytes)
  if (padded.length > headerLimit)
    throw invalidArgument('safetensors', `a header of ${padded.length} bytes`, `at most ${headerLimit}`)
  return padded
}

/**
 * The bytes of a file. The same tensors and metadata give the same bytes, in whatever order they come: widest elements
 * first, then by name. Data starts at a multiple of eight bytes.
 * Throws `TensorFault` where a name repeats, text is ill-formed, or an array does not fill its shape.
 */
export const encode = (entries: ReadonlyArray<NamedStored>, metadata: Metadata = {}): Uint8Array => {
  expectWritable(entries, metadata)
  const ordered = [...entries].sort(byLayout)
  const header = headerOf(ordered, metadata)
  const size = ordered.reduce((n, { data }) => n + data.byteLength, 8 + header.length)
  const bytes = new Uint8Array(size)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true)
  bytes.set(header, 8)
  let at = 8 + header.length
  for (const { data } of ordered) {
    bytes.set(bytesOf(data), at)
    at += data.byteLength
  }
  return bytes
}

// ------------------------------------------------------------------ reading

type HeaderEntry = {
  readonly name: string
  readonly dtype: StoredDType
  readonly shape: Shape
  readonly begin: number
  readonly end: number
}

const invalidHeader = (where: string, found: string, expected: string): E.Either<SafetensorsError, never> =>
  E.left({ _tag: 'InvalidHeader', where, found, expected })

const invalidLayout = (name: string, found: string, expected: string): E.Either<SafetensorsError, never> =>
  E.left({ _tag: 'InvalidLayout', name, found, expected })

type JsonObject = { readonly [key: string]: unknown }

const isObject = (x: unknown): x is JsonObject => typeof x === 'object' && x !== null && !Array.isArray(x)

const isExtent = (x: unknown): x is number =>
  typeof x === 'number' && Number.isSafeInteger(x) && x >= 0 && !Object.is(x, -0)

const headerBytes = (bytes: Uint8Array): E.Either<SafetensorsError, Uint8Array> => {
  if (bytes.length < 8)
    return E.left({ _tag: 'Truncated', what: 'the header length', found: bytes.length, expected: 8 })
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
  if (length > BigInt(headerLimit)) return E.left({ _tag: 'HeaderTooLarge', found: length, limit: headerLimit })
  const [found, expected] = [bytes.length - 8, Number(length)]
  if (expected > found) return E.left({ _tag: 'Truncated', what: 'the header', found, expected })
  return E.right(bytes.subarray(8, 8 + expected))
}

const headerText = (header: Uint8Array): E.Either<SafetensorsError, string> =>
  header[0] === 0x7b
    ? E.tryCatch(
        () => new TextDecoder('utf-8', { fatal: true }).decode(header),
        (): SafetensorsError => ({
          _tag: 'InvalidHeader',
          where: 'the header',
          found: 'bytes that are not UTF-8',
          expected: 'JSON in UTF-8'
        })
      )
    : invalidHeader('the header', `first byte ${describe(header[0])}`, "'{'")

/** A header holds entries, and an entry its shape: one more is room to say what stands there instead. */
const headerDepth = 4

/** More tensors than a model of a thousand layers has ten times over. */
const mostTensors = 200_000

/** An entry is an object with two arrays in it. */
const bracketsOfTensor = 3

const saneHeader = (header: Uint8Array): E.Either<SafetensorsError, Uint8Array> =>
  bracketsIn(header) <= bracketsOfTensor * mostTensors
    ? E.right(header)
    : invalidHeader('the header', 'more brackets than any model has', `at most ${mostTensors} tensors`)

const headerJson = (text: string): E.Either<SafetensorsError, JsonObject> =>
  pipe(
    parseJson(headerDepth)(text),
    E.mapLeft((e): SafetensorsError =>
      e._tag === 'DuplicateKey'
        ? { _tag: 'DuplicateName', name: e.key }
        : { _tag: 'InvalidHeader', where: 'the header', found: showJsonError(e), expected: 'a JSON object' }
    ),
    E.chain((json) => (isObject(json) ? E.right(json) : invalidHeader('the header', describe(json), 'an object')))
  )

const metadataOf = (found: unknown): E.Either<SafetensorsError, Metadata> => {
  if (found === undefined) return E.right({})
  if (!isObject(found)) return invalidHeader(metadataKey, describe(found), 'an object of strings')
  const wrong = Object.entries(found).find(([, value]) => typeof value !== 'string')
  return wrong === undefined
    ? E.right(found as Metadata)
    : invalidHeader(`${metadataKey}.${describe(wrong[0])}`, describe(wrong[1]), 'a string')
}

const infoKeys = ['dtype', 'shape', 'data_offsets']

const isStoredDType = (x: unknown): x is StoredDType => storedDTypes.some((dtype) => dtype === x)

/** Bytes of a tensor, `undefined` beyond the integers that a double holds. */
const byteLengthOf = (dtype: StoredDType, shape: Shape): number | undefined =>
  shape.reduce<number | undefined>(
    (n, d) => (n === undefined || !Number.isSafeInteger(n * d) ? undefined : n * d),
    storedBytes[dtype]
  )

const placeOf = (name: string, info: unknown): E.Either<SafetensorsError, HeaderEntry> => {
  const where = `tensor ${describe(name)}`
  if (!isObject(info)) return invalidHeader(where, describe(info), 'an object')
  const unknown = Object.keys(info).find((key) => !infoKeys.includes(key))
  if (unknown !== undefined) return invalidHeader(where, `the key ${describe(unknown)}`, infoKeys.join(', '))
  const { dtype, shape, data_offsets: offsets } = info
  if (!isStoredDType(dtype)) return E.left({ _tag: 'UnsupportedDType', name, found: describe(dtype) })
  if (!Array.isArray(shape) || !shape.every(isExtent))
    return invalidLayout(name, `shape ${describe(shape)}`, 'an array of non-negative integers')
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isExtent) || offsets[0] > offsets[1])
    return invalidLayout(name, `data_offsets ${describe(offsets)}`, 'a begin and an end')
  const [begin, end]: ReadonlyArray<number> = offsets
  const expected = byteLengthOf(dtype, shape)
  if (expected === undefined) return invalidLayout(name, `shape ${describe(shape)}`, 'fewer than 2^53 bytes')
  if (end - begin !== expected)
    return invalidLayout(name, `${end - begin} bytes`, `${expected} for ${dtype} ${showShape(shape)}`)
  return E.right({ name, dtype, shape: [...shape], begin, end })
}

/** Places in file order, each beginning where the one before ends, and the last ending where the file does. */
const inOrder = (
  places: ReadonlyArray<HeaderEntry>,
  size: number
): E.Either<SafetensorsError, ReadonlyArray<HeaderEntry>> => {
  const sorted = [...places].sort((a, b) => a.begin - b.begin || a.end - b.end)
  let next = 0
  for (const { name, begin, end } of sorted) {
    if (begin !== next)
      return invalidLayout(name, `data beginning at byte ${begin}`, `byte ${next}, without gap or overlap`)
    next = end
  }
  if (next > size) return E.left({ _tag: 'Truncated', what: 'the tensors', found: size, expected: next })
  if (next < size) return E.left({ _tag: 'TrailingBytes', found: size, expected: next })
  return E.right(sorted)
}

/**
 * The tensors and metadata of a file. Element types stay as they are in the file: `toLiteral` makes tensors of them.
 * Fails where a byte is missing, left over or covered twice, a name repeats or a key is unknown. Never throws.
 */
export const decode = (bytes: Uint8Array): E.Either<SafetensorsError, Safetensors> =>
  pipe(
    E.Do,
    E.bind('header', () => headerBytes(bytes)),
    E.bind('json', ({ header }) => pipe(saneHeader(header), E.chain(headerText), E.chain(headerJson))),
    E.bind('metadata', ({ json }) => metadataOf(json[metadataKey])),
    E.bind('places', ({ json }) =>
      E.traverseArray(([name, info]: readonly [string, unknown]) => placeOf(name, info))(
        Object.entries(json).filter(([name]) => name !== metadataKey)
      )
    ),
    E.bind('ordered', ({ header, places }) => inOrder(places, bytes.length - 8 - header.length)),
    E.map(({ header, metadata, ordered }) => ({
      metadata,
      tensors: new Map(
        ordered.map(({ name, dtype, shape, begin, end }) => [
          name,
          storedFrom(dtype, shape, bytes.subarray(8 + header.length + begin, 8 + header.length + end))
        ])
      )
    }))
  )
