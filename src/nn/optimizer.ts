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

/** The state `S` for parameters of type `P`: a field that `S` has for any tree of parameters is a tree like `P`. */
export type StateFor<S extends object, P extends Params> = {
  readonly [Field in keyof S]: Params extends S[Field] ? P : S[Field]
}

/**
 * Keeps a record `S` from update to update; each part of a chain names its own fields. Fields of type `Params` have the
 * structure of the parameters, and their type: `Optimizer<AdamState>` makes an `AdamState<P>` for parameters of type `P`.
 */
export type Optimizer<S extends object> = {
  readonly init: <P extends Params>(params: P) => StateFor<S, P>
  readonly update: <P extends Params>(
    updates: P,
    state: StateFor<S, P>,
    params: P,
    context: Context
  ) => readonly [P, StateFor<S, P>]
}

/** The state of an optimizer that remembers nothing. */
export type Stateless = Readonly<Record<never, never>>

/** An optimizer that remembers nothing, from a function of the updates, which keeps their structure. */
export const stateless = (f: (updates: Params, params: Params, context: Context) => Params): Optimizer<Stateless> => ({
  init: () => ({}),
  update: <P extends Params>(updates: P, _: object, params: P, context: Context) =>
    [f(updates, params, context) as P, {}] as const
})

const merge = <A extends object>(first: object, next: object): A => {
  const shared = Object.keys(first).filter((name) => name in next)
  if (shared.length > 0)
    throw invalidArgument(
      'andThen',
      `state '${shared[0]}' kept by both parts`,
      'parts that keep state of different names'
    )
  return { ...first, ...next } as A
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
    update: <P extends Params>(updates: P, state: StateFor<S & T, P>, params: P, context: Context) => {
      // A record of both has the fields of each.
      const [between, firstState] = first.update(updates, state as StateFor<S, P>, params, context)
      const [done, nextState] = next.update(between, state as StateFor<T, P>, params, context)
      return [done, merge<StateFor<S & T, P>>(firstState, nextState)] as const
    }
  })

/** `params + updates`, leaf by leaf. Throws `TensorFault` where the structures or the shapes differ. */
export const applyUpdates = <P extends Params>(params: P, updates: Params): P =>
  zipParams((x, update) => add(update)(x), params, updates)
