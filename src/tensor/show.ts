/**
 * Literals as text for people.
 */

import { peek, type Literal } from './literal.js'
import { showArray } from './show-array.js'

/**
 * Values, shape and dtype, as `console.log` prints them. f32 is shown to 6 significant digits; of more than 1000 elements, the
 * first and last three along each axis. For every digit, use `toNested`.
 *
 *     tensor([[  1, 2.5],
 *             [-10,   0]], shape [2, 2], f32)
 */
export const show = (x: Literal): string => showArray(x.shape, x.dtype, peek(x))
