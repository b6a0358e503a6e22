/**
 * How tensors look in Node's `console.log` and `util.inspect`. Pages have `inspection-web.ts` in its place: no browser asks an object.
 */

import type { Data } from './dtype.js'
import { showArray } from './show-array.js'
import { showShape } from './shape.js'
import type { Tensor } from './tensor.js'

/** What Node asks an object for. */
const inspection = Symbol.for('nodejs.util.inspect.custom')

/** The prototype of tensors without values: a line, since their graphs may be large. */
export const unevaluated: object = {
  [inspection](this: Tensor): string {
    return `tensor(unevaluated ${this.op._tag}, shape ${showShape(this.shape)}, ${this.dtype})`
  }
}

/** The prototype of tensors whose values `peek` reads: those are printed. */
export const evaluated = <T extends Tensor>(peek: (x: T) => Data): object => ({
  [inspection](this: T): string {
    return showArray(this.shape, this.dtype, peek(this))
  }
})
