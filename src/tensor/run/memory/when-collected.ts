/**
 * What is done once the engine has collected an object.
 *
 * One registry for as long as this module lives. V8 (seen in Node 20) calls back for no object any more, of any registry, once a registry was
 * itself collected between the collection of one of its objects and the call for that; a registry for each memory goes that way with its memory.
 */

import type { IO } from 'fp-ts/lib/IO.js'

const registry = new FinalizationRegistry<IO<void>>((call) => call())

const callOf =
  <A>(then: (value: A) => void, value: A): IO<void> =>
  () =>
    then(value)

/**
 * Calls `then` with `value` when nothing holds `owner` any more; what comes back takes that back.
 *
 * Neither is to hold `owner`, which would never be collected: a function made where `owner` is in scope may do so unseen.
 */
export const whenCollected = <A>(owner: object, then: (value: A) => void, value: A): IO<void> => {
  const token = {}
  registry.register(owner, callOf(then, value), token)
  return () => void registry.unregister(token)
}
