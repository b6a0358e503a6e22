/**
 * Maps: an invocation for each point of a nest.
 */

import type { MapKernel } from '../../program/gpu/gpu-kernel.js'
import type { FusedLoop, FusedStep } from '../../program/fused.js'
import type { DType } from '../../dtype.js'
import { sizeOf } from '../../shape.js'
import { affine, coordinates, when, type Binding, type Bindings, type Lines, type ShaderPart } from './shader.js'
import { expressionOf, type Point } from './steps.js'

/** What steps read. */
export const loadsOf = (body: ReadonlyArray<FusedStep>): ReadonlyArray<Binding> =>
  body.flatMap((step) =>
    step._tag === 'load' || step._tag === 'lookup'
      ? [{ buffer: step.buffer, dtype: step.dtype, access: 'read' } as const]
      : []
  )

export const written = (buffer: number, dtype: DType): Binding => ({ buffer, dtype, access: 'write' })

/** All steps of a body that has no folds, as `name(step)`. */
export const stepLines = (body: ReadonlyArray<FusedStep>, point: Point): Lines =>
  body.flatMap((step, i) => (step._tag === 'fold' ? [] : [`let ${point.name(i)} = ${expressionOf(step, point)};`]))

/** Only one of the points that share an element writes it. */
const once = (
  { extents }: FusedLoop,
  strides: ReadonlyArray<number>,
  axes: ReadonlyArray<string>
): ReadonlyArray<string> =>
  extents.flatMap((extent, axis) => (extent > 1 && strides[axis] === 0 ? [`${axes[axis]} == 0u`] : []))

/** The buffers of a map. */
export const mapWanted = ({ body, stores }: FusedLoop): ReadonlyArray<Binding> => [
  ...stores.map(({ buffer, value }) => written(buffer, body[value].dtype)),
  ...loadsOf(body)
]

/** What a point of a map stores, `v0`, `v1`, ... being its steps. */
export const mapStores = (loop: FusedLoop, bindings: Bindings, axes: ReadonlyArray<string>): Lines =>
  loop.stores.flatMap(({ buffer, at, value }) =>
    when(once(loop, at.strides, axes), [bindings.store(buffer, affine(at, axes), `v${value}`)])
  )

export const mapPart = ({ loop }: MapKernel, workgroup: number): ShaderPart => {
  const { extents, body } = loop
  const points = sizeOf(extents)
  const { names, lines } = coordinates('x', extents, 'i')
  const name = (step: number): string => `v${step}`
  return {
    wanted: mapWanted(loop),
    workgroup,
    groups: Math.ceil(points / workgroup),
    body: (bindings) => [
      `let i = group * ${workgroup}u + t;`,
      `if (i >= ${points}u) { return; }`,
      ...lines,
      ...stepLines(body, { bindings, axes: names, name }),
      ...mapStores(loop, bindings, names)
    ]
  }
}
