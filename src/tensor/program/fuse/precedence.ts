/**
 * Which of some nodes must run before which others, while nodes become one.
 *
 * A node has a level, and none that runs before it has a higher one: so a search for what lies between two nodes leaves out
 * what is below the first or above the second. Searches go from both ends by turns and are over as soon as one of them is, because
 * either side may be nearly all of a program while the other is a node or two.
 */

export type Preceded = {
  /** Nodes that must have run before, and those that must run after. */
  readonly before: ReadonlySet<Preceded>
  readonly after: ReadonlySet<Preceded>
  level: number
}

/** The latest first: what was made last is most often the way to what was made long before. */
const beforeOf = ({ before }: Preceded): Iterable<Preceded> => [...before].reverse()
/** These may be very many. */
const afterOf = ({ after }: Preceded): Iterable<Preceded> => after

/**
 * The nodes that can be reached from `start` through such as are `within`, once each; not straight to `avoided`. `undefined` stands for a
 * look at a node that is left out: each turn costs the same. In the end all of them, and `start`.
 */
function* reached(
  start: Preceded,
  next: (node: Preceded) => Iterable<Preceded>,
  within: (node: Preceded) => boolean,
  avoided?: Preceded
): Generator<Preceded | undefined, ReadonlySet<Preceded>> {
  const seen = new Set([start])
  const stack = [next(start)[Symbol.iterator]()]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const step = top.next()
    if (step.done === true) stack.pop()
    else if (seen.has(step.value) || !within(step.value) || (stack.length === 1 && step.value === avoided))
      yield undefined
    else {
      seen.add(step.value)
      stack.push(next(step.value)[Symbol.iterator]())
      yield step.value
    }
  }
  return seen
}

/** Past so many turns the search for a path is given up, and one supposed: that costs a fusion at most, and only in vast programs. */
const mostTurns = 8192

/** Whether `from` must run before `to` because of some node between them. `looked` is told of each look at one. */
export const hasPath = (looked: () => void, from: Preceded, to: Preceded): boolean => {
  const backward = reached(to, beforeOf, ({ level }) => level >= from.level, from)
  const forward = reached(from, afterOf, ({ level }) => level <= to.level, to)
  for (let turn = 0; turn < mostTurns; turn++) {
    looked()
    const [sooner, later] = [backward.next(), forward.next()]
    if (sooner.done !== true && sooner.value?.before.has(from) === true) return true
    if (later.done !== true && later.value?.after.has(to) === true) return true
    if (sooner.done === true || later.done === true) return false
  }
  return true
}

/**
 * Gives a node that was two, of levels `low` and `high`, one of them, and the same to those before it that are above it, or to those after
 * it that are below it: to whichever are fewer.
 */
export const level = (looked: () => void, node: Preceded, low: number, high: number): void => {
  const backward = reached(node, beforeOf, (n) => n.level > low)
  const forward = reached(node, afterOf, (n) => n.level < high)
  for (;;) {
    looked()
    const later = forward.next()
    if (later.done === true) return later.value.forEach((n) => (n.level = high))
    const sooner = backward.next()
    if (sooner.done === true) return sooner.value.forEach((n) => (n.level = low))
  }
}
