/** Instructions on sixteen lanes of bytes. */

import type { Code } from './code.js'
import { simd } from './forms.js'

/** Sixteen byte numbers: 0 to 15 are of `x`, 16 to 31 of `y`. */
export const shuffle = (x: Code, y: Code, lanes: ReadonlyArray<number>): Code => [x, y, simd(0x0d), lanes]
