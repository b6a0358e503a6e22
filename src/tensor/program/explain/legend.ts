/**
 * Short names for a kernel's buffers: those of the program's inputs and outputs as far as they tell them apart here.
 *
 * Inputs go by the end of their path, `LayerNorm.bias`, or by another part of it; outputs by the same after `out.`, and
 * what starts with no letter after `in.`. Everything else is `b` and its number. The legend has the rest of the paths.
 */

import type { Program } from '../program.js'

export type Legend = {
  readonly nameOf: (buffer: number) => string
  /** Paths with a `*` for the part that is used as a name, each with the names that it stands for. */
  readonly entries: ReadonlyArray<readonly [path: string, names: ReadonlyArray<string>]>
}

type Side = 'in' | 'out'

type Known = { readonly buffer: number; readonly side: Side; readonly path: string }

/** Some segments of a path that follow one another. */
type Subpath = { readonly text: string; readonly path: string; readonly length: number; readonly isEnd: boolean }

const startsWithLetter = (text: string): boolean => /^[a-zA-Z_]/.test(text)

/** The best first: two words from the end, `dense.bias`, then one, then three; then any part, the shorter the better. */
const rankOf = ({ text, length, isEnd }: Subpath): number => {
  const rank = isEnd && length <= 3 ? [1, 0, 2][length - 1] : 2 + length
  return startsWithLetter(text) ? rank : rank + 100
}

const runsOf = (path: string): ReadonlyArray<Subpath> => {
  const segments = path.split('.')
  const last = segments.length
  const runs = segments.flatMap((_, from) =>
    Array.from({ length: last - from }, (__, i): Subpath => {
      const length = i + 1
      const to = from + length
      const around = [...segments.slice(0, from), '*', ...segments.slice(to)]
      return { text: segments.slice(from, to).join('.'), path: around.join('.'), length, isEnd: to === last }
    })
  )
  return [...runs].reverse().sort((a, b) => rankOf(a) - rankOf(b))
}

const contains = (path: string, text: string): boolean => `.${path}.`.includes(`.${text}.`)

const isWord = (text: string): boolean => /^\w+(\.\w+)*$/.test(text)

/** Whether an input can be called that: not what a number, an axis, another buffer or an output is called. */
const isFreeFor = (text: string, axes: ReadonlyArray<string>): boolean =>
  startsWithLetter(text) && !/^(b\d+|(in|out)(\..*)?)$/.test(text) && !axes.includes(text)

const nameFor = (side: Side, text: string, axes: ReadonlyArray<string>): string | undefined => {
  if (text === '') return side
  if (!isWord(text)) return undefined
  return side === 'in' && isFreeFor(text, axes) ? text : `${side}.${text}`
}

const knownOf = ({ inputs, outputs }: Program, buffer: number): Known | undefined => {
  if (buffer < inputs.length) return { buffer, side: 'in', path: inputs[buffer].name }
  const output = outputs.at(buffer - inputs.length)
  return buffer < inputs.length + outputs.length && output !== undefined
    ? { buffer, side: 'out', path: output.name }
    : undefined
}

const numbered = (buffer: number): string => `b${buffer}`

/** Names for `buffers`, as they are numbered in the program's kernels, in a kernel with axes of these names. */
export const legendOf = (program: Program, buffers: ReadonlyArray<number>, axes: ReadonlyArray<string>): Legend => {
  const known = [...new Set(buffers)].flatMap((buffer) => knownOf(program, buffer) ?? [])
  const names = new Map<number, string>()
  const taken = new Set<string>()
  const entries = new Map<string, Array<string>>()
  for (const { buffer, side, path } of known) {
    const others = known.filter((other) => other.side === side && other.buffer !== buffer)
    const found = runsOf(path)
      .filter(({ text }) => others.every((other) => !contains(other.path, text)))
      .map((run) => ({ path: run.path, name: nameFor(side, run.text, axes) }))
      .find(({ name }) => name !== undefined && !taken.has(name))
    const name = found?.name ?? numbered(buffer)
    const entry = found?.path ?? `${side === 'in' ? 'input' : 'output'} ${JSON.stringify(path)}`
    names.set(buffer, name)
    taken.add(name)
    if (entry !== '*') entries.set(entry, [...(entries.get(entry) ?? []), name])
  }
  return { nameOf: (buffer) => names.get(buffer) ?? numbered(buffer), entries: [...entries] }
}
