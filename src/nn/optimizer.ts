/**
 * Optimizers: pure pairs (init, update) over trees of parameters, which compose.
 *
 * An update starts as the gradients and passes through one part after another: clipped, divided by its moments,
 * decayed, multiplied by minus the learning rate. `applyUpdates` adds what comes out to the parameters.
 */

import { invalidArgument } from '../tensor/fault.js'
import { add, type Tensor } from '../tensor/index.js'
import { zipParams, type Params } from './params.js'

/** What an update may depend on beside its own state. Inputs of the graph, so that one program serves every step. */
export type Context = {
  /** How many updates have been done: 0 at the first. Shape `[]`, f32 or i32. */
  readonly step: Tensor
}

/** Keeps a record `S` of trees from update to update; each part of a chain names its own fields. */
export type Optimizer<S extends object> = {
  readonly init: (params: Params) => S
  readonly update: (updates: Params, state: S, params: Params, context: Context) => readonly [Params, S]
}

/** The state of an optimizer that remembers nothing. */
export type Stateless = Readonly<Record<never, never>>

/** An optimizer that remembers nothing, from a function of the updates. */
export const stateless = (f: (updates: Params, params: Params, context: Context) => Params): Optimizer<Stateless> => ({
  init: () => ({}),
  update: (updates, _, params, context) => [f(updates, params, context), {}]
})

const merge = <S extends object, T extends object>(first: S, next: T): S & T => {
  const shared = Object.keys(first).filter((name) => name in next)
  if (shared.length > 0)
    throw invalidArgument(
      'andThen',
      `state '${shared[0]}' kept by both parts`,
      'parts that keep state of different names'
    )
  return { ...first, ...next }
}

/**
 * One optimizer after another: the second's updates start as the first's result. Their states become one record.
 *
 * Associative. Throws `InvalidArgument` where both keep a field of the same name.
 */
export const andThen =
  <T extends object>(next: Optimizer<T>) =>
  <S extends object>(first: Optimizer<S>): Optimizer<S & T> => ({
    init: (params) => merge(first.init(params), next.init(params)),
    update: (updates, state, params, context) => {
      const [between, firstState] = first.update(updates, state, params, context)
      const [done, nextState] = next.update(between, state, params, context)
      return [done, merge(firstState, nextState)]
    }
  })

/** `params + updates`, leaf by leaf. Throws `TensorFault` where the structures or the shapes differ. */
export const applyUpdates = <P extends Params>(params: P, updates: Params): P =>
  zipParams((x, update) => add(update)(x), params, updates)
