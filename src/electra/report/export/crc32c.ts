/** CRC-32C (Castagnoli), as RFC 3720 has it: https://www.rfc-editor.org/rfc/rfc3720 appendix B.4 */

/** The polynomial 0x1EDC6F41, its bits in reverse order. */
const polynomial = 0x82f63b78

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1
  return rest >>> 0
})

export const crc32c = (bytes: Uint8Array): number => {
  let rest = 0xffffffff
  for (const byte of bytes) rest = (rest >>> 8) ^ table[(rest ^ byte) & 0xff]
  return ~rest >>> 0
}

/** As records of TensorFlow keep it, so that the sum of data with sums in it is no trivial one: `rotate right 15 + 0xa282ead8`. */
export const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
