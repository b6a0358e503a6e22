/**
 * Text that fits a terminal: fields are shown whole or not at all, and sentences are broken between words.
 */

/** The width of what stays on the screen: reports are read in terminals of any kind, and pasted. */
export const reportWidth = 80

/** The longest beginning of the fields that a line of that width holds; a field that does not fit ends the line before it. */
export const fieldsWithin = (width: number, fields: ReadonlyArray<string>, gap = '  '): string =>
  fields.map((_, i) => fields.slice(0, i + 1).join(gap)).findLast((line) => line.length <= width) ?? ''

/**
 * Lines of at most that width, broken between words, the first without the indent of the others. A word that is longer than
 * a line, as a path may be, is not cut: it has a line of its own.
 */
export const wrapped = (text: string, width = reportWidth, indent = ''): ReadonlyArray<string> =>
  text.split(' ').reduce<ReadonlyArray<string>>((lines, word) => {
    const last = lines.at(-1)
    if (last === undefined) return [word]
    const longer = `${last} ${word}`
    return longer.length <= width ? [...lines.slice(0, -1), longer] : [...lines, `${indent}${word}`]
  }, [])
