/**
 * Shapes: lists of non-negative extents, row-major strides, and NumPy's broadcasting rule.
 */

export type Shape = ReadonlyArray<number>

/** Number of elements. `[]` has one. */
export const sizeOf = (shape: Shape): number => shape.reduce((n, d) => n * d, 1)

/** Row-major strides in elements: the last axis varies fastest. */
export const stridesOf = (shape: Shape): ReadonlyArray<number> => {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step
    step *= shape[axis]
  }
  return strides
}

export const equalShapes = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i])

/** The shape that both broadcast to, aligned at the last axis; `undefined` where they do not fit. */
export const broadcastShapes = (a: Shape, b: Shape): Shape | undefined => {
  const rank = Math.max(a.length, b.length)
  const out: Array<number> = []
  for (let i = 0; i < rank; i++) {
    const x = i < rank - a.length ? 1 : a[i - rank + a.length]
    const y = i < rank - b.length ? 1 : b[i - rank + b.length]
    if (x !== y && x !== 1 && y !== 1) return undefined
    out.push(x === 1 ? y : x)
  }
  return out
}

/** Whether `from` stretches to `to` without `to` growing. */
export const broadcastsTo = (from: Shape, to: Shape): boolean => {
  const fit = broadcastShapes(from, to)
  return fit !== undefined && equalShapes(fit, to)
}

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`
