/** The text of pieces in a row: words apart by spaces, continuing pieces joined on. */
export const decodePieces = (pieces: ReadonlyArray<string>): string =>
  pieces
    .map((piece, i) => (piece.startsWith('##') && piece.length > 2 && i > 0 ? piece.slice(2) : ` ${piece}`))
    .join('')
    .trim()
