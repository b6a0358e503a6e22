/** Instructions on ranges of memory. */

import type { Code } from './code.js'

/** Sets `bytes` bytes from `address` to the low byte of `value`. */
export const fill = (address: Code, value: Code, bytes: Code): Code => [address, value, bytes, 0xfc, 0x0b, 0x00]
