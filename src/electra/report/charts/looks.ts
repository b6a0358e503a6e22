/**
 * How the things of a chart are told apart: by colour, by dash and by shape, so that any one of them may be lost.
 *
 * The colours are Okabe and Ito's for colour-blind readers, some darkened until lines of them stand out from white (3 to 1 at least), and
 * lightened on black. https://jfly.uni-koeln.de/color/
 */

export type Look = {
  /** The name of a CSS variable. */
  readonly colour: string
  /** Lengths of line and gap, by turns; none of a line without gaps. */
  readonly dash: ReadonlyArray<number>
  readonly shape: 'circle' | 'square' | 'triangle-up' | 'diamond' | 'cross' | 'triangle-down' | 'triangle-left'
  /** Of shapes. */
  readonly isFilled: boolean
}

/** On light and on dark paper. */
export const colours: ReadonlyArray<readonly [light: string, dark: string]> = [
  ['#0067a5', '#56b4e9'],
  ['#c44e00', '#ff8f4a'],
  ['#00795a', '#3ecb9f'],
  ['#a8437f', '#e79bc8'],
  ['#8a6800', '#e6c23c'],
  ['#5a4fcf', '#aaa4ff'],
  ['#5c5c5c', '#b4b4b4']
]

const dashes = [[], [8, 3], [2, 3], [9, 3, 2, 3], [5, 2], [12, 4], [1, 2]]

const shapes = ['circle', 'square', 'triangle-up', 'diamond', 'cross', 'triangle-down', 'triangle-left'] as const

/** Forty-nine of them differ in colour and dash, and each of seven in a row in all. */
export const lookOf = (n: number): Look => {
  const [place, round] = [n % colours.length, Math.floor(n / colours.length)]
  return {
    colour: `--look-${place}`,
    dash: dashes[(place + round) % dashes.length],
    shape: shapes[(place + round) % shapes.length],
    isFilled: round % 2 === 0
  }
}
