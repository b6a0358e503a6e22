/**
 * What arrays are stored as on a GPU, by the precision of its products: 32 or 16 bits an element.
 *
 * With `mixed` precision what products read and write among themselves takes half the bytes. Arithmetic is that of float32 all the same:
 * numbers are widened as they are loaded and rounded as they are stored.
 */

import { readsOfFused, writesOfFused, type FusedProgram } from '../fused.js'

/**
 * What products multiply. `float32`: operands as they are. `mixed`: operands rounded to float16, to the nearest and of two the even one,
 * beyond 65519.99 to infinity; terms are added up in float32.
 */
export const precisions = ['float32', 'mixed'] as const

export type Precision = (typeof precisions)[number]

export type Storage = 'f32' | 'f16'

/** Where every buffer is stored as its dtype is. */
export const noHalves: ReadonlySet<number> = new Set()

/**
 * The buffers that are stored as f16 with mixed precision: the float32 temporaries that a product reads or writes and no loop combines or
 * scatters into, for sums are kept as they are added up. Inputs and outputs are stored as their users have them.
 */
export const halvesOf = ({ inputs, outputs, buffers, kernels }: FusedProgram): ReadonlySet<number> => {
  const products = kernels.filter(({ _tag }) => _tag === 'contraction')
  const sums = new Set(
    kernels.flatMap((kernel) =>
      kernel._tag === 'loop'
        ? kernel.stores.flatMap(({ buffer, combine }) => (combine === undefined ? [] : [buffer]))
        : []
    )
  )
  return new Set(
    products
      .flatMap((product) => [...readsOfFused(product), ...writesOfFused(product)])
      .filter((buffer) => buffer >= inputs + outputs && buffers[buffer].dtype === 'f32' && !sums.has(buffer))
  )
}
