/**
 * The sums that a thread keeps of its part of a tile: vectors of four columns, by row.
 *
 * A thread's rows and columns are groups of four; those of its neighbours lie between them, so that neighbours load and store
 * neighbouring memory.
 */

import type { Tile } from '../../../program/gpu/tiles.js'
import { range } from '../../../range.js'
import { components, u32 } from './operand.js'

export type Groups = {
  readonly rows: number
  readonly columns: number
  /** Threads along each side of the tile. */
  readonly threads: { readonly rows: number; readonly columns: number }
}

export const groupsOf = ({ rows, columns, threadRows, threadColumns }: Tile): Groups => ({
  rows: threadRows / 4,
  columns: threadColumns / 4,
  threads: { rows: rows / threadRows, columns: columns / threadColumns }
})

const sumName = (row: number, group: number): string => `s${row}_${group}`

export const declareSums = ({ rows, columns }: Groups): ReadonlyArray<string> =>
  range(4 * rows).map((row) =>
    range(columns)
      .map((group) => `var ${sumName(row, group)}: vec4<f32>;`)
      .join(' ')
  )

/** Adds one term to every sum, from the element of each row and the vector of each group of columns. */
export const addTerm = (
  { rows, columns }: Groups,
  element: (group: number, row: number) => string,
  across: (group: number) => string
): ReadonlyArray<string> =>
  range(rows).flatMap((g) =>
    range(4).flatMap((r) => range(columns).map((h) => `${sumName(4 * g + r, h)} += ${element(g, r)} * ${across(h)};`))
  )

/** `name` among the groups of one thread, counted in groups along the tile. */
export const groupAt = (name: string, group: number, threads: number): string =>
  group === 0 ? name : `${name} + ${u32(group * threads)}`

/** Puts every sum by a function `put`. The tile begins at `row`, `column` of the matrix at `base`; the thread is at `ty`, `tx`. */
export const putSums = ({ rows, columns, threads }: Groups, put: string): ReadonlyArray<string> =>
  range(rows).flatMap((g) =>
    range(4).flatMap((r) =>
      range(columns).map((h) => {
        const row = `row + (${groupAt('ty', g, threads.rows)}) * 4u + ${u32(r)}`
        const column = `column + (${groupAt('tx', h, threads.columns)}) * 4u`
        return `${put}(base, ${row}, ${column}, ${sumName(4 * g + r, h)});`
      })
    )
  )

/** A component of a vector by its number. */
export const componentOf = (name: string, component: number): string => `${name}.${components[component]}`
