/** Instructions on eight lanes of i16. */

import { unaryLanes } from './forms.js'

export const extendLowI8x16U = unaryLanes(0x89)
