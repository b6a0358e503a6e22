/**
 * Trees: nested records and arrays with values at the leaves, most often tensors.
 *
 * Records are walked in sorted key order, so that two records with the same entries are the same tree. The path of a leaf
 * is its keys and indices joined with dots: `encoder.layer.0.output.bias`.
 */

import { describe } from './describe.js'
import { invalidArgument } from './fault.js'
import type { Tensor } from './tensor.js'

export type Tree<A> = A | { readonly [key: string]: Tree<A> } | ReadonlyArray<Tree<A>>

/** The same tree with every tensor replaced by a `B`. */
export type Mapped<T, B> = T extends Tensor
  ? B
  : T extends object
    ? { readonly [K in keyof T]: Mapped<T[K], B> }
    : never

export const isTensor = (x: unknown): x is Tensor =>
  typeof x === 'object' && x !== null && 'op' in x && 'dtype' in x && 'shape' in x && 'inputs' in x

export type IsLeaf<A> = (x: unknown) => x is A

type Branch = { readonly key: string; readonly path: string; readonly child: unknown }

/** What stands below `at`, whose path is `prefix`. Throws `TensorFault` for what is no record or array. */
const branches = (at: unknown, prefix: string): ReadonlyArray<Branch> => {
  if (typeof at !== 'object' || at === null)
    throw invalidArgument('tree', `${describe(at)} at '${prefix}'`, 'a leaf, a record or an array')
  const keys = Array.isArray(at) ? at.map((_, i) => String(i)) : Object.keys(at).sort()
  return keys.map((key) => ({
    key,
    path: prefix === '' ? key : `${prefix}.${key}`,
    child: (at as Record<string, unknown>)[key]
  }))
}

/** Leaves with their paths, in path order of each record. A lone leaf has the path `''`. */
export const entries = <A>(isLeaf: IsLeaf<A>, tree: unknown, prefix = ''): ReadonlyArray<readonly [string, A]> =>
  isLeaf(tree) ? [[prefix, tree]] : branches(tree, prefix).flatMap(({ child, path }) => entries(isLeaf, child, path))

/** The tensors of a tree with their paths. */
export const tensorEntries = (tree: unknown): ReadonlyArray<readonly [string, Tensor]> => entries(isTensor, tree)

export const tensorsOf = (tree: unknown): ReadonlyArray<Tensor> => tensorEntries(tree).map(([, x]) => x)

/** The same structure with `f(leaf, path)` at each leaf. */
export const mapTree = <A, T, B>(isLeaf: IsLeaf<A>, f: (leaf: A, path: string) => B, tree: T): Mapped<T, B> => {
  const go = (at: unknown, path: string): unknown => {
    if (isLeaf(at)) return f(at, path)
    const mapped = branches(at, path).map(({ key, ...below }) => [key, go(below.child, below.path)] as const)
    return Array.isArray(at) ? mapped.map(([, child]) => child) : Object.fromEntries(mapped)
  }
  return go(tree, '') as Mapped<T, B>
}

export const mapTensors = <T, B>(f: (x: Tensor, path: string) => B, tree: T): Mapped<T, B> => mapTree(isTensor, f, tree)

/** The structure of `tree` with its tensors replaced, in order, by `leaves`. */
export const unflatten = <T, B>(tree: T, leaves: ReadonlyArray<B>): Mapped<T, B> => {
  const expected = tensorsOf(tree).length
  if (leaves.length !== expected) throw invalidArgument('unflatten', `${leaves.length} leaves`, String(expected))
  let next = 0
  return mapTensors(() => leaves[next++], tree)
}

/** Leaf by leaf over two trees of one structure; throws `TensorFault` naming the first path that only one of them has. */
export const zipTensors = <T, B>(f: (a: Tensor, b: Tensor, path: string) => B, a: T, b: T): Mapped<T, B> => {
  const others = new Map(tensorEntries(b))
  const own = new Set(tensorEntries(a).map(([path]) => path))
  const extra = [...others.keys()].find((path) => !own.has(path))
  if (extra !== undefined) throw invalidArgument('zip', `a leaf '${extra}' on the right only`, 'trees of one structure')
  return mapTensors((x, path) => {
    const y = others.get(path)
    if (y === undefined) throw invalidArgument('zip', `a leaf '${path}' on the left only`, 'trees of one structure')
    return f(x, y, path)
  }, a)
}
