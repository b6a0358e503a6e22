/**
 * The words of a context, as questions about it count them: what stands between spaces, tabs, line ends and U+202F, and nothing else.
 *
 * Places in texts count code points, as the data sets' do.
 */

export type ContextWords = {
  readonly words: ReadonlyArray<string>
  /** For each code point the word that it belongs to; for a space the word before, -1 at the start. */
  readonly wordAt: Int32Array
}

const isSpace = (c: string): boolean => c === ' ' || c === '\t' || c === '\r' || c === '\n' || c === '\u202f'

export const contextWords = (context: string): ContextWords => {
  const characters = Array.from(context)
  const words: Array<string> = []
  const wordAt = new Int32Array(characters.length)
  let start = -1
  characters.forEach((c, i) => {
    if (isSpace(c)) {
      if (start >= 0) words.push(characters.slice(start, i).join(''))
      start = -1
    } else if (start < 0) start = i
    wordAt[i] = words.length - (start < 0 ? 1 : 0)
  })
  if (start >= 0) words.push(characters.slice(start).join(''))
  return { words, wordAt }
}
