/**
 * Reverse-mode differentiation of expression graphs.
 *
 * `vjp` calls a function once and walks the graph it built from the results back to the arguments, applying the rules of
 * `rules.ts`. What comes out is an ordinary graph: it can be printed, compiled, or differentiated again. Nothing is
 * computed here, and what a program does not need of a derivative is never in the program.
 */

import { dtypeMismatch, invalidArgument, shapeMismatch } from '../tensor/fault.js'
import { add } from '../tensor/ops/arithmetic.js'
import { zeros } from '../tensor/ops/create.js'
import { equalShapes } from '../tensor/shape.js'
import { identityNode, type Tensor } from '../tensor/tensor.js'
import { topological } from '../tensor/topological.js'
import { mapTensors, tensorsOf, unflatten, zipTensors } from '../tensor/tree.js'
import { inputCotangents } from './rules.js'

/** What `f` gives, and the transpose of its derivative there. */
export type Vjp<P, V> = {
  readonly value: V
  /**
   * From cotangents of the value to cotangents of the primals: `ct -> J' ct`, linear.
   *
   * A leaf of the value that is not f32 has no cotangent: what stands in its place is ignored. Throws `TensorFault` where
   * the trees, or two leaves' shapes, differ.
   */
  readonly pullback: (cotangents: V) => P
}

/**
 * The value of `f` at `primals`, and the pullback there.
 *
 * Primals and value are trees of tensors. Derivatives are taken with respect to the argument: a tensor that stands in it
 * twice, or that `f` also reaches by other ways, counts once for each place. Throws `TensorFault` for a primal that is
 * not f32.
 */
export const vjp =
  <P, V>(f: (primals: P) => V) =>
  (primals: P): Vjp<P, V> => {
    const { value, pullback } = vjpWithAux((placed: P) => [f(placed), undefined] as const)(primals)
    return { value, pullback }
  }

/** `vjp` of the first of the two things that `f` returns; the second, of any type, is passed through. */
export const vjpWithAux =
  <P, V, Aux>(f: (primals: P) => readonly [V, Aux]) =>
  (primals: P): Vjp<P, V> & { readonly aux: Aux } => {
    const placed = asArguments('vjp', primals)
    const [value, aux] = f(placed)
    const sources = tensorsOf(placed)
    const pull = transposed(tensorsOf(value), sources)
    return {
      value,
      aux,
      pullback: (cotangents) => {
        expectLike('vjp', value, cotangents)
        const pulled = pull(tensorsOf(cotangents)).map((ct, i) => ct ?? zeros(sources[i].shape))
        return unflatten(primals, pulled) as P
      }
    }
  }

/** The same tree with a node of its own for each leaf. Throws `TensorFault` for a leaf that is not f32. */
export const asArguments = <P>(op: string, primals: P): P =>
  mapTensors((x, path) => {
    if (x.dtype !== 'f32')
      throw dtypeMismatch(
        op,
        [x.dtype],
        `f32${path === '' ? '' : ` at '${path}'`}: derivatives are taken of f32 tensors`
      )
    return identityNode(x)
  }, primals) as P

/** Throws `TensorFault` unless the trees have one structure, and each f32 leaf of `like` an f32 of its shape in `tree`. */
export const expectLike = <T>(op: string, like: T, tree: T): void => {
  zipTensors(
    (x, y) => {
      if (x.dtype !== 'f32') return
      if (y.dtype !== 'f32') throw dtypeMismatch(op, [y.dtype], 'f32 in the place of f32')
      if (!equalShapes(x.shape, y.shape)) throw shapeMismatch(op, x.shape, y.shape)
    },
    like,
    tree
  )
}

/** Cotangents of `sources` (distinct nodes), in order, from those of `outputs`; `undefined` where nothing flows. */
const transposed = (
  outputs: ReadonlyArray<Tensor>,
  sources: ReadonlyArray<Tensor>
): ((cotangents: ReadonlyArray<Tensor>) => ReadonlyArray<Tensor | undefined>) => {
  const reached = dependents(outputs, new Set(sources))
  const backwards = [...reached].reverse()
  return (cotangents) => {
    const arrived = new Map<Tensor, Tensor>()
    const deliver = (x: Tensor, ct: Tensor): void => {
      if (!reached.has(x)) return
      const before = arrived.get(x)
      arrived.set(x, before === undefined ? ct : add(ct)(before))
    }
    outputs.forEach((y, i) => deliver(y, cotangents[i]))
    // Users come before what they use, so a node's cotangent is complete when its turn comes; the sources come last.
    for (const y of backwards.slice(0, backwards.length - sources.length)) {
      const ct = arrived.get(y)
      if (ct === undefined) continue
      inputCotangents(ct, y).forEach((piece, i) => {
        if (piece !== undefined) deliver(y.inputs[i], piece)
      })
    }
    return sources.map((x) => arrived.get(x))
  }
}

const isFloat = (x: Tensor): boolean => x.dtype === 'f32'

/** The inputs that a cotangent can flow back to. */
const carriers = ({ op, inputs }: Tensor): ReadonlyArray<Tensor> => {
  if (op._tag === 'stopGradient') return []
  return (op._tag === 'barrier' ? inputs.slice(0, 1) : inputs).filter(isFloat)
}

/**
 * The sources, then the nodes between them and `outputs` along which derivatives flow, each after those it uses.
 *
 * Throws `TensorFault` where the value of a custom derivative uses a source behind its arguments' back.
 */
const dependents = (outputs: ReadonlyArray<Tensor>, sources: ReadonlySet<Tensor>): ReadonlySet<Tensor> => {
  const reached = new Set(sources)
  const upstream = (x: Tensor): ReadonlyArray<Tensor> => (sources.has(x) ? [] : carriers(x))
  for (const x of topological(outputs.filter(isFloat), upstream)) {
    if (!upstream(x).some((y) => reached.has(y))) continue
    if (x.op._tag === 'custom') expectClosed(x, sources, reached)
    reached.add(x)
  }
  return reached
}

/** Throws `TensorFault` where a custom derivative's value uses a source, but not through its arguments. */
const expectClosed = (
  { inputs: [value, ...args] }: Tensor,
  sources: ReadonlySet<Tensor>,
  reached: ReadonlySet<Tensor>
): void => {
  const given = new Set(args)
  const upstream = (x: Tensor): ReadonlyArray<Tensor> => {
    if (given.has(x) || sources.has(x)) return []
    return (x.op._tag === 'custom' ? x.inputs.slice(1) : carriers(x)).filter((y) => reached.has(y))
  }
  if (reached.has(value) && topological([value], upstream).some((x) => sources.has(x) && !given.has(x)))
    throw invalidArgument(
      'customVjp',
      'a function that uses a differentiated tensor from outside its arguments',
      'every tensor that gradients flow to among the arguments'
    )
}
