/**
 * Filling a buffer with the identity of a reduction.
 */

import { bytesPerElement } from '../../dtype.js'
import { type Reduction, reductionIdentity } from '../../elementwise.js'
import type { BufferSpec } from '../../program/kernel.js'
import { storeLanes } from './access.js'
import { doWhile, increase, set, type Code, type Local, type Scope } from './assembler.js'
import * as i32 from './assembler/i32.js'
import * as memory from './assembler/memory.js'
import * as v128 from './assembler/v128.js'
import { identityLanes, lanesIn } from './lanes.js'

export const fillIdentity = (scope: Scope, fn: Reduction, { dtype, size }: BufferSpec, address: Local): Code => {
  const bytes = size * bytesPerElement(dtype)
  if (reductionIdentity(fn, dtype) === 0) return memory.fill(address, i32.const(0), i32.const(bytes))
  const identity = scope.local('v128')
  const offset = scope.local('i32')
  const whole = bytes - (bytes % 16)
  const rest = { address, offset: whole, stride: 4 }
  return [
    set(identity, identityLanes(fn, dtype)),
    whole === 0
      ? []
      : [
          set(offset, i32.const(0)),
          doWhile(
            [v128.store(i32.add(address, offset), identity), increase(offset, i32.const(16))],
            i32.ltU(offset, i32.const(whole))
          )
        ],
    bytes === whole ? [] : storeLanes(dtype, rest, lanesIn((bytes - whole) / 4), identity)
  ]
}
