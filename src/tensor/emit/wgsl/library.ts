/** The functions that pieces of WGSL call: found by their names, which nothing else has. */

import { bits } from './math/bits.js'
import { errorFunction } from './math/erf.js'
import { exponential } from './math/exponential.js'
import { integers } from './math/integers.js'
import { logarithm } from './math/logarithm.js'
import { order } from './math/order.js'
import { power } from './math/power.js'
import { root } from './math/root.js'
import { threefry } from './math/threefry.js'
import { trigonometric } from './math/trigonometric.js'

const functions: ReadonlyMap<string, string> = new Map(
  [bits, order, integers, exponential, logarithm, root, errorFunction, trigonometric, power, threefry].flatMap(
    Object.entries
  )
)

/** The names of library functions in a piece of WGSL. */
const namesIn = (code: string): ReadonlyArray<string> => code.match(/\bpe_\w+/g) ?? []

/** The source of the library functions that a piece of WGSL calls, and of those that they call, each once, callees first. */
export const library = (code: string): string => {
  const written = new Set<string>()
  const sources: Array<string> = []
  const write = (name: string): void => {
    const source = functions.get(name)
    // A kernel may have names of its own with this prefix.
    if (source === undefined || written.has(name)) return
    written.add(name)
    namesIn(source).forEach(write)
    sources.push(source)
  }
  namesIn(code).forEach(write)
  return sources.join('\n')
}
