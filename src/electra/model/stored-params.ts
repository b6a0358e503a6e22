/**
 * Parameters from stored tensors: one look-up for each description in a tree.
 */

import * as E from 'fp-ts/lib/Either.js'
import { isParameterSpec } from '../../nn/index.js'
import type { Literal, Shape } from '../../tensor/index.js'
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
