/** Places in texts, counted in Unicode characters by data sets and in UTF-16 units by JavaScript. */

/** The UTF-16 index of each character of a text, counted from 0, and of its end; nothing beyond. */
export const unitOfCodePoint = (text: string): ((at: number) => number | undefined) => {
  if (!/[\ud800-\udfff]/.test(text))
    return (at) => (Number.isInteger(at) && at >= 0 && at <= text.length ? at : undefined)
  const units = new Uint32Array(text.length + 1)
  let [points, unit] = [0, 0]
  for (const character of text) {
    units[points++] = unit
    unit += character.length
  }
  units[points] = unit
  return (at) => (at >= 0 && at <= points ? units[at] : undefined)
}

/** How many characters of a text lie before an index of it. */
export const codePointsBefore = (text: string, unit: number): number => {
  const before = text.slice(0, unit)
  return /[\ud800-\udfff]/.test(before) ? Array.from(before).length : before.length
}
