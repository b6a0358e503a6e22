/**
 * Walks over the graph of an expression.
 */

import type { Tensor } from './tensor.js'

/** Every node that the roots reach, each after what it needs. A stack of our own: graphs are deeper than the call stack. */
export const topological = (
  roots: ReadonlyArray<Tensor>,
  needsOf: (x: Tensor) => ReadonlyArray<Tensor>
): ReadonlyArray<Tensor> => {
  const order: Array<Tensor> = []
  const seen = new Set<Tensor>()
  const stack: Array<{ readonly at: Tensor; readonly expanded: boolean }> = roots
    .map((at) => ({ at, expanded: false }))
    .reverse()
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (top.expanded) order.push(top.at)
    else if (!seen.has(top.at)) {
      seen.add(top.at)
      stack.push({ at: top.at, expanded: true })
      const needs = needsOf(top.at)
      for (let i = needs.length - 1; i >= 0; i--) if (!seen.has(needs[i])) stack.push({ at: needs[i], expanded: false })
    }
  }
  return order
}
