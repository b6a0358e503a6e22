/**
 * What was probably meant by a name that does not exist: the nearest of those that do, where one is near enough to be a slip of
 * the hand.
 */

/**
 * Fewest insertions, deletions and replacements of one character, and exchanges of two that stand side by side, that turn one
 * text into the other (optimal string alignment).
 */
const editDistance = (a: string, b: string): number => {
  let [before, above] = [new Array<number>(), Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isExchange = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(Math.min(above[j] + 1, row[j - 1] + 1, replaced, isExchange ? before[j - 2] + 1 : replaced))
    }
    ;[before, above] = [above, row]
  }
  return above[b.length]
}

/** Beyond any name. */
const longestName = 64

/** Letter case and underscores aside. */
const plain = (name: string): string => name.slice(0, longestName).toLowerCase().replaceAll('_', '')

const distance = (a: string, b: string): number => editDistance(plain(a), plain(b))

/** One slip in three letters, and three in all. */
const slipsIn = (name: string): number => Math.min(3, Math.max(1, Math.floor(plain(name).length / 3)))

/** Those of `candidates` at the least distance, if that is at most `most`. */
const nearest = <A>(candidates: ReadonlyArray<A>, distanceOf: (a: A) => number, most: number): ReadonlyArray<A> => {
  const distances = candidates.map(distanceOf)
  const least = Math.min(...distances)
  return least > most ? [] : candidates.filter((_, i) => distances[i] === least)
}

/** The names that `name` may stand for: none where it is like none of them, several where they are equally near. */
export const namesNear = (name: string, names: ReadonlyArray<string>): ReadonlyArray<string> =>
  nearest(names, (known) => distance(name, known), slipsIn(name))

export const lastOf = (path: string): string => path.slice(path.lastIndexOf('.') + 1)

/** The same of paths (keys joined with dots), where a key that is right or nearly so may stand in the wrong section. */
export const pathsNear = (path: string, paths: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [key, most] = [lastOf(path), slipsIn(lastOf(path))]
  const whole = nearest(paths, (known) => distance(path, known), most)
  if (whole.length > 0) return whole
  const alike = nearest(paths, (known) => distance(key, lastOf(known)), most)
  return path.includes('.') ? nearest(alike, (known) => distance(path, known), Infinity) : alike
}

const quoted = (names: ReadonlyArray<string>): string => names.map((name) => `'${name}'`).join(' and ')

/** `: the nearest is 'optimizer.b1'`, to be put behind what was expected; nothing where nothing is near. */
export const showNear = (names: ReadonlyArray<string>): string =>
  names.length === 0 ? '' : `: the nearest ${names.length === 1 ? 'is' : 'are'} ${quoted(names)}`
