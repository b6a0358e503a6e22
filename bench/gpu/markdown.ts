/** Tables in markdown, and numbers for them. */

export type Cell = string | number

export type Table = {
  readonly title: string
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<Cell>>
  readonly notes?: ReadonlyArray<string>
}

/** Three digits that count, and thousands apart. */
export const digits = (x: number): string => {
  if (!Number.isFinite(x)) return String(x)
  if (x === 0) return '0'
  const rounded = Number(x.toPrecision(3))
  return Math.abs(rounded) >= 100 ? Math.round(rounded).toLocaleString('en-US') : String(rounded)
}

const shown = (cell: Cell): string => (typeof cell === 'number' ? cell.toLocaleString('en-US') : cell)

const line = (cells: ReadonlyArray<Cell>): string => `| ${cells.map(shown).join(' | ')} |`

export const markdown = ({ title, columns, rows, notes = [] }: Table): string => {
  const isNumeric = columns.map(
    (_, i) => i > 0 && rows.every((row) => /^-?[\d.,]+(e-?\d+)?$|^(not told)?$/.test(shown(row[i])))
  )
  const body =
    rows.length === 0
      ? []
      : [line(columns), `|${isNumeric.map((numeric) => (numeric ? '---:' : '---')).join('|')}|`, ...rows.map(line)]
  return [`## ${title}`, '', ...body, ...(notes.length > 0 ? ['', ...notes.map((note) => `- ${note}`)] : []), ''].join(
    '\n'
  )
}
