/**
 * Parameters from stored tensors: one look-up for each description in a tree.
 */

import * as E from 'fp-ts/lib/Either.js'
import { isParameterSpec } from '../../nn/index.js'
import { literal, type Literal } from '../../tensor/literal.js'
import { equalShapes, type Shape } from '../../tensor/shape.js'
import type { NamedStored } from '../../tensor/stored.js'
import { mapTree } from '../../tensor/tree.js'

/**
 * The tree of descriptions with a literal for each, looked up by path and shape. `Params` is the tree's type with
 * literals at its leaves. Fails with the first look-up that does.
 */
export const paramsFrom =
  <Err>(lookup: (path: string, shape: Shape) => E.Either<Err, Literal>) =>
  <Params>(specs: unknown): E.Either<Err, Params> => {
    const failures: Array<Err> = []
    const params = mapTree(
      isParameterSpec,
      ({ shape }, path): Literal | undefined => {
        const found = lookup(path, shape)
        if (E.isRight(found)) return found.right
        failures.push(found.left)
        return undefined
      },
      specs
    )
    // The walk cannot know the type of what it rebuilds; the caller says it.
    return failures.length > 0 ? E.left(failures[0]) : E.right(params)
  }

/**
 * The tree of descriptions with the tensors of these names, each the path behind `prefix`. `Left` is the name of one that is
 * missing, of another shape, or not F32.
 *
 * @example
 * pipe(discriminatorSpec(model, model, vocabSize, 0.02), storedParams(tensors)<Discriminator<Literal>>)
 */
export const storedParams = (
  tensors: ReadonlyArray<NamedStored>,
  prefix = ''
): (<Params>(specs: unknown) => E.Either<string, Params>) => {
  const named = new Map(tensors.map((x) => [x.name, x]))
  return paramsFrom((path, shape) => {
    const stored = named.get(prefix + path)
    return stored?.dtype === 'F32' && equalShapes(stored.shape, shape)
      ? E.right(literal(shape, 'f32', stored.data))
      : E.left(prefix + path)
  })
}
