/**
 * The plainest multiplier there can be, for tests that need one to wrap.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Contraction, StridedMatrix } from '../../../src/tensor/program/kernel.js'
import type { Multiplier } from '../../../src/tensor/run/multipliers/multiplier.js'
import { sizeOf, stridesOf } from '../../../src/tensor/shape.js'

const start = ({ batch }: Contraction, at: StridedMatrix, b: number): number =>
  stridesOf(batch).reduce((sum, s, axis) => sum + at.batch[axis] * (Math.floor(b / s) % batch[axis]), at.offset)

export const naive: Multiplier<'sync'> = {
  name: 'naive',
  timing: 'sync',
  prepare: (c) =>
    E.right((left, right, out) => () => {
      for (let b = 0; b < sizeOf(c.batch); b++) {
        const [l, r] = [start(c, c.left, b), start(c, c.right, b)]
        for (let i = 0; i < c.m; i++)
          for (let j = 0; j < c.n; j++) {
            let sum = 0
            for (let p = 0; p < c.k; p++)
              sum += left[l + i * c.left.row + p * c.left.column] * right[r + p * c.right.row + j * c.right.column]
            out[(b * c.m + i) * c.n + j] = sum
          }
      }
      return E.right(undefined)
    }),
  release: () => Promise.resolve()
}
