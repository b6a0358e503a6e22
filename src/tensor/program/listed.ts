/** The list under a key: an empty one at first. */
export const listed = <K, A>(lists: Map<K, Array<A>>, key: K): Array<A> => {
  const old = lists.get(key)
  if (old !== undefined) return old
  const fresh: Array<A> = []
  lists.set(key, fresh)
  return fresh
}
