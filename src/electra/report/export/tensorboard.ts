/**
 * Event files as TensorBoard reads them: records of TensorFlow, each an `Event` of protocol buffers.
 *
 * A record is the length of its data (u64), the masked CRC-32C of these 8 bytes, the data, and the masked CRC-32C of the data, all
 * little-endian. Sources: tensorflow/core/lib/io/record_writer.h; tensorflow/core/util/event.proto and
 * tensorflow/core/framework/summary.proto.
 */

import { crc32c, masked } from './crc32c.js'

/** Numbers of a step by their tags. */
export type ScalarEvent = {
  readonly step: number
  /** In seconds since 1970. */
  readonly wallTime: number
  readonly scalars: ReadonlyArray<readonly [tag: string, value: number]>
}

// ------------------------------------------------------------- protocol buffers

const [varintType, doubleType, bytesType, floatType] = [0, 1, 2, 5]

/** Seven bits a byte, the least first. At most 2^53. */
const varint = (n: number): ReadonlyArray<number> => (n < 128 ? [n] : [(n % 128) + 128, ...varint(Math.floor(n / 128))])

const key = (field: number, type: number): ReadonlyArray<number> => varint(field * 8 + type)

const double = (field: number, x: number): Uint8Array => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, x, true)
  return Uint8Array.from([...key(field, doubleType), ...bytes])
}

const float = (field: number, x: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setFloat32(0, x, true)
  return Uint8Array.from([...key(field, floatType), ...bytes])
}

const integer = (field: number, n: number): Uint8Array => Uint8Array.from([...key(field, varintType), ...varint(n)])

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const nested = (field: number, content: Uint8Array): Uint8Array =>
  joined([Uint8Array.from([...key(field, bytesType), ...varint(content.length)]), content])

const text = (field: number, content: string): Uint8Array => nested(field, new TextEncoder().encode(content))

/** `Event { wall_time = 1; step = 2; file_version = 3; summary = 5 }`. A step of 0 is what stands for none. */
const event = (wallTime: number, step: number, what: Uint8Array): Uint8Array =>
  joined([double(1, wallTime), ...(step === 0 ? [] : [integer(2, step)]), what])

/** `Summary { repeated Value value = 1 }`, `Value { tag = 1; simple_value = 2 }`. */
const summary = (scalars: ScalarEvent['scalars']): Uint8Array =>
  joined(scalars.map(([tag, value]) => nested(1, joined([text(1, tag), float(2, value)]))))

// ------------------------------------------------------------- records

const record = (data: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(8 + 4 + data.length + 4)
  const view = new DataView(frame.buffer)
  view.setUint32(0, data.length, true)
  view.setUint32(8, masked(crc32c(frame.subarray(0, 8))), true)
  frame.set(data, 12)
  view.setUint32(12 + data.length, masked(crc32c(data)), true)
  return frame
}

/** What every file begins with. */
const version = 'brain.Event:2'

/** The bytes of an event file. What is not finite is left out. */
export const eventFile = (begunAt: number, events: ReadonlyArray<ScalarEvent>): Uint8Array =>
  joined([
    record(event(begunAt, 0, text(3, version))),
    ...events.flatMap(({ step, wallTime, scalars }) => {
      const finite = scalars.filter(([, value]) => Number.isFinite(value))
      return finite.length === 0 ? [] : [record(event(wallTime, step, nested(5, summary(finite))))]
    })
  ])
