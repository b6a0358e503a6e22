/** Code of WebAssembly as nested lists of bytes, and how numbers are spelt in it. */

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128'

/** A variable of a function. In code it stands for its value. */
export type Local = { readonly index: number; readonly type: ValueType }

/** Bytes, nested so that code can be put together without copying. */
export type Code = number | Uint8Array | Local | ReadonlyArray<Code>

export const typeByte: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b }

export const flatten = (code: Code): Uint8Array<ArrayBuffer> => {
  let bytes = new Uint8Array(1024)
  let length = 0
  const reserve = (more: number): void => {
    if (length + more <= bytes.length) return
    const longer = new Uint8Array(2 * (length + more))
    longer.set(bytes)
    bytes = longer
  }
  const walk = (c: Code): void => {
    if (typeof c === 'number') {
      reserve(1)
      bytes[length++] = c
    } else if (c instanceof Uint8Array) {
      reserve(c.length)
      bytes.set(c, length)
      length += c.length
    } else if ('index' in c) walk([0x20, unsigned(c.index)])
    else for (const part of c) walk(part)
  }
  walk(code)
  return bytes.slice(0, length)
}

/** Unsigned LEB128 of an integer below 2^53. */
export const unsigned = (value: number): ReadonlyArray<number> => {
  const bytes: Array<number> = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  bytes.push(rest)
  return bytes
}

/** Signed LEB128. */
export const signed = (value: bigint): ReadonlyArray<number> => {
  const bytes: Array<number> = []
  let rest = value
  for (;;) {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    if ((rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)) return [...bytes, low]
    bytes.push(low | 0x80)
  }
}

export const littleEndian = (array: Float32Array | Float64Array | Int32Array | Uint32Array): ReadonlyArray<number> => {
  const bytes = [...new Uint8Array(array.buffer, array.byteOffset, array.byteLength)]
  return isLittleEndian ? bytes : swapWords(bytes, array.BYTES_PER_ELEMENT)
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

const swapWords = (bytes: ReadonlyArray<number>, width: number): ReadonlyArray<number> =>
  bytes.map((_, i) => bytes[i - (i % width) + width - 1 - (i % width)])
