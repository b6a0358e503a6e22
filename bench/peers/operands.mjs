/**
 * The operands of a product `{ batch, m, n, k, left, right }`: `left` and `right` say whether a matrix is `plain` or lies
 * `transposed`. No batch axis where `batch` is 1.
 */

/** Values of about 1, in a pattern that no stride of a matrix repeats: as in `bench/contraction.ts`. */
const filled = (size) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + 0.3))

const shapeOf = (batch, rows, columns, lies) => [
  ...(batch === 1 ? [] : [batch]),
  ...(lies === 'transposed' ? [columns, rows] : [rows, columns])
]

export const operandsOf = ({ batch, m, n, k, left, right }) => ({
  left: { data: filled(batch * m * k), shape: shapeOf(batch, m, k, left), isTransposed: left === 'transposed' },
  right: { data: filled(batch * k * n), shape: shapeOf(batch, k, n, right), isTransposed: right === 'transposed' },
  shape: shapeOf(batch, m, n, 'plain')
})

/** The last two axes of so many, the other way round. */
export const swapped = (rank) => (rank === 2 ? [1, 0] : [0, 2, 1])
