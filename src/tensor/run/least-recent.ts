/** A cache of so many values at most: past them, the one that was asked for least recently goes. */
export type LeastRecent<A> = {
  readonly get: (key: string) => A | undefined
  readonly set: (key: string, value: A) => void
}

/** An empty one for `most` values. */
export const leastRecent = <A>(most: number): LeastRecent<A> => {
  // A map lists its keys in the order in which they came.
  const held = new Map<string, A>()
  const put = (key: string, value: A): void => {
    held.delete(key)
    held.set(key, value)
    const [oldest] = held.keys()
    if (held.size > most) held.delete(oldest)
  }
  return {
    get: (key) => {
      const found = held.get(key)
      if (found !== undefined) put(key, found)
      return found
    },
    set: put
  }
}
