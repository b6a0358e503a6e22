/**
 * A second, deliberately naive tokeniser: BERT's basic tokeniser and greedy WordPiece, written from their definition one
 * code point at a time, sharing nothing with the libraries it judges.
 *
 * Character classes come from the runtime's own Unicode tables, so an answer can change with the version of Node.
 */

const cjk: ReadonlyArray<readonly [number, number]> = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b820, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f]
]

const isCjk = (c: string): boolean => {
  const point = c.codePointAt(0) ?? 0
  return cjk.some(([first, last]) => point >= first && point <= last)
}

const isPunctuation = (c: string): boolean => /^[!-/:-@[-`{-~\p{P}]$/u.test(c)

const clean = (text: string): string =>
  [...text]
    .filter((c) => c === '\t' || c === '\n' || c === '\r' || (c !== '\ufffd' && !/^\p{C}$/u.test(c)))
    .map((c) => (/^[\t\n\r\p{Zs}]$/u.test(c) ? ' ' : c))
    .join('')

const words = (text: string): ReadonlyArray<string> => text.split(/\s+/u).filter((word) => word !== '')

const stripAccents = (word: string): string => word.normalize('NFD').replace(/\p{Mn}/gu, '')

/** The words that WordPiece sees, in order. */
export const specWords =
  (options: { readonly lowercase: boolean; readonly stripAccents: boolean; readonly isolateHan: boolean }) =>
  (text: string): ReadonlyArray<string> => {
    const spaced = [...clean(text)].map((c) => (options.isolateHan && isCjk(c) ? ` ${c} ` : c)).join('')
    const folded = words(spaced).map((word) => {
      const lower = options.lowercase ? word.toLowerCase() : word
      return options.stripAccents ? stripAccents(lower) : lower
    })
    return words(folded.map((word) => [...word].map((c) => (isPunctuation(c) ? ` ${c} ` : c)).join('')).join(' '))
  }

/** Greedy longest match from the left; a word that cannot be finished, or is longer than 100 code points, is [UNK]. */
export const specPieces =
  (pieces: ReadonlySet<string>) =>
  (word: string): ReadonlyArray<string> => {
    const points = [...word]
    if (points.length > 100) return ['[UNK]']
    const found: Array<string> = []
    let start = 0
    while (start < points.length) {
      let end = points.length
      const candidate = () => (start === 0 ? '' : '##') + points.slice(start, end).join('')
      while (end > start && !pieces.has(candidate())) end--
      if (end === start) return ['[UNK]']
      found.push(candidate())
      start = end
    }
    return found
  }
