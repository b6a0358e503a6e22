/**
 * Predicted pieces as the text that they were made of.
 */

/** Pieces joined: `##` continues the word before. */
export const joinedPieces = (pieces: ReadonlyArray<string>): string =>
  pieces.join(' ').replaceAll(' ##', '').replaceAll('##', '').trim()

/** The characters that are no space, and where each stands. */
const withoutSpaces = (
  characters: ReadonlyArray<string>
): { readonly at: ReadonlyArray<number>; readonly orderOf: ReadonlyMap<number, number> } => {
  const at = characters.flatMap((c, i) => (c === ' ' ? [] : [i]))
  return { at, orderOf: new Map(at.map((i, order) => [i, order])) }
}

/**
 * The part of `original` that `predicted`, pieces joined, was made of; `original` itself where that cannot be told.
 *
 * `predicted` is looked for in the words of `original` joined by spaces. Where both have equally many characters that are no space, the
 * place is carried over; cutting punctuation off changes no number, and lower-casing few. In code points. Source: `get_final_text` of
 * BERT's and ELECTRA's published code.
 */
export const projectText =
  (wordsOf: (text: string) => ReadonlyArray<string>) =>
  (predicted: string, original: string): string => {
    const joined = wordsOf(original).join(' ')
    const unit = joined.indexOf(predicted)
    if (unit === -1) return original
    const start = Array.from(joined.slice(0, unit)).length
    const end = start + Array.from(predicted).length - 1
    const characters = Array.from(original)
    const [of, to] = [withoutSpaces(Array.from(joined)), withoutSpaces(characters)]
    const [first, last] = [of.orderOf.get(start), of.orderOf.get(end)]
    if (of.at.length !== to.at.length || first === undefined || last === undefined) return original
    return characters.slice(to.at[first], to.at[last] + 1).join('')
  }
