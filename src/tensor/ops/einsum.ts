/**
 * Einstein summation: contractions, diagonals, sums and transposes written with one letter per axis.
 *
 *     einsum('bik,bkj->bij')(x, y)      batched matrix product
 *     einsum('ii')(x)                   trace
 *     einsum('bld,vd->blv')(h, table)   scores against a table
 *     einsum('...ij->...ji')(x)         the last two axes swapped
 */

import { invalidArgument, shapeMismatch } from '../fault.js'
import { broadcastShapes, type Shape } from '../shape.js'
import { dotNode, permuteNode, reshapeNode, type Tensor } from '../tensor.js'
import { slice } from './movement.js'
import { sum } from './reduce.js'

/** A tensor whose axes have names: one distinct letter each. */
type Lettered = { readonly letters: ReadonlyArray<string>; readonly x: Tensor }

/** The letters of one operand or of the result; an ellipsis is among them as `...`. */
type Word = ReadonlyArray<string>

type Spec = { readonly operands: ReadonlyArray<Word>; readonly output: Word }

/**
 * `out[output letters] = sum over all other letters of the product of the operands`. NumPy's `einsum`.
 *
 * The subscripts name each axis of each operand with a letter, operands apart by commas. After `->` stand the letters of
 * the result in order; without it, those that occur exactly once, alphabetically. A letter twice in one operand takes its
 * diagonal. `...` stands for any number of further axes, which broadcast between the operands; the result must have them where
 * there are any, and without `->` they come first. A letter has one extent everywhere, or 1, which is stretched.
 * Operands are contracted from left to right, each letter summed as soon as nobody to the right needs it.
 *
 * f32, i32 and u32. Fails with `InvalidArgument` for subscripts that do not parse or do not fit the ranks, `ShapeMismatch` for
 * extents that differ.
 */
export const einsum =
  (subscripts: string) =>
  (...xs: ReadonlyArray<Tensor>): Tensor => {
    const spec = spelled(subscripts, parse(subscripts), xs)
    const extents = extentsOf(subscripts, spec.operands, xs)
    const operands = xs.map((x, i) => unstretched(extents, distinct({ letters: spec.operands[i], x })))
    const neededAfter = (i: number): ReadonlyArray<string> => [
      ...spec.output,
      ...operands.slice(i + 1).flatMap(({ letters }) => letters)
    ]
    const total = operands
      .slice(1)
      .reduce<Lettered>(
        (left, right, i) => contract(neededAfter(i + 1), left, summed([...neededAfter(i + 1), ...left.letters], right)),
        summed(neededAfter(0), operands[0])
      )
    return permuteNode(
      spec.output.map((letter) => total.letters.indexOf(letter)),
      total.x
    )
  }

const ellipsis = '...'

const isLetter = (symbol: string): boolean => symbol !== ellipsis

const lettersOf = (word: string): Word => word.match(/\.\.\.|[a-zA-Z]/g) ?? []

const parse = (subscripts: string): Spec => {
  const found = `'${subscripts}'`
  // Blanks may stand anywhere but within an ellipsis.
  const text = /\. +\./.test(subscripts) ? subscripts : subscripts.replaceAll(' ', '')
  const word = String.raw`[a-zA-Z]*(?:\.\.\.)?[a-zA-Z]*`
  const match = new RegExp(`^(${word}(?:,${word})*)(?:->(${word}))?$`).exec(text)
  if (match === null)
    throw invalidArgument('einsum', found, `letters, at most one '...' an operand, commas and at most one '->'`)
  const operands = match[1].split(',').map(lettersOf)
  const all = operands.flat()
  const once = [...new Set(all)].filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter)).sort()
  const output = match[2] === undefined ? [ellipsis, ...once.filter(isLetter)] : lettersOf(match[2])
  if (new Set(output).size !== output.length || !output.filter(isLetter).every((letter) => all.includes(letter)))
    throw invalidArgument('einsum', found, 'each letter of the result once, and in some operand')
  return { operands, output }
}

/** The same with each ellipsis spelled out: the axis that is `n`-th from its end is called `n`, as they align there. */
const spelled = (subscripts: string, { operands, output }: Spec, xs: ReadonlyArray<Tensor>): Spec => {
  if (operands.length !== xs.length)
    throw invalidArgument('einsum', `${xs.length} tensors for '${subscripts}'`, String(operands.length))
  const ranks = operands.map((word, i) => {
    const rank = xs[i].shape.length - word.filter(isLetter).length
    const fits = word.includes(ellipsis) ? rank >= 0 : rank === 0
    if (!fits)
      throw invalidArgument(
        'einsum',
        `rank ${xs[i].shape.length} for '${word.join('')}'`,
        `rank ${word.includes(ellipsis) ? 'at least ' : ''}${word.filter(isLetter).length}`
      )
    return rank
  })
  const named = (word: Word, rank: number): Word =>
    word.flatMap((symbol) => (isLetter(symbol) ? [symbol] : Array.from({ length: rank }, (_, i) => String(rank - i))))
  const most = Math.max(0, ...ranks)
  if (most > 0 && !output.includes(ellipsis))
    throw invalidArgument('einsum', `'${subscripts}' with axes in its '...'`, `'...' in the result too`)
  return { operands: operands.map((word, i) => named(word, ranks[i])), output: named(output, most) }
}

/** The extent of each letter: the one that is not 1, where there is one. */
const extentsOf = (
  subscripts: string,
  operands: ReadonlyArray<Word>,
  xs: ReadonlyArray<Tensor>
): ReadonlyMap<string, number> => {
  const mismatch = (): Error => shapeMismatch(`einsum('${subscripts}')`, ...xs.map((x) => x.shape))
  const extents = new Map<string, number>()
  operands.forEach((letters, i) => {
    const { shape } = xs[i]
    letters.forEach((letter, axis) => {
      if (shape[letters.indexOf(letter)] !== shape[axis]) throw mismatch()
      const both = broadcastShapes([extents.get(letter) ?? 1], [shape[axis]])
      if (both === undefined) throw mismatch()
      extents.set(letter, both[0])
    })
  })
  return extents
}

/** Without the axes of extent 1 whose letters have more elsewhere: whoever has them all stretches the product. */
const unstretched = (extents: ReadonlyMap<string, number>, { letters, x }: Lettered): Lettered => {
  const isKept = (axis: number): boolean => x.shape[axis] === extents.get(letters[axis])
  const shape: Shape = x.shape.filter((_, axis) => isKept(axis))
  return shape.length === letters.length
    ? { letters, x }
    : { letters: letters.filter((_, axis) => isKept(axis)), x: reshapeNode(shape, x) }
}

/** Diagonals taken until no letter repeats. */
const distinct = ({ letters, x }: Lettered): Lettered => {
  const second = letters.findIndex((letter, i) => letters.indexOf(letter) < i)
  if (second < 0) return { letters, x }
  const first = letters.indexOf(letters[second])
  const others = letters.map((_, i) => i).filter((i) => i !== first && i !== second)
  return distinct({
    letters: [...others.map((i) => letters[i]), letters[second]],
    x: diagonal(permuteNode([...others, first, second], x))
  })
}

/** `[..., n, n]` to `[..., n]`: in the flattened matrix, every `n + 1`-th element. */
const diagonal = (x: Tensor): Tensor => {
  const [front, n] = [x.shape.slice(0, -2), x.shape[x.shape.length - 1]]
  return slice([...front.map(() => null), [0, null, n + 1]])(reshapeNode([...front, n * n], x))
}

/** Summed over the letters that nobody needs. */
const summed = (needed: ReadonlyArray<string>, { letters, x }: Lettered): Lettered => {
  const axes = letters.flatMap((letter, i) => (needed.includes(letter) ? [] : [i]))
  return axes.length === 0
    ? { letters, x }
    : { letters: letters.filter((letter) => needed.includes(letter)), x: sum({ axes })(x) }
}

/** Letters of both: kept as batch where somebody needs them later, summed over where nobody does. */
const contract = (needed: ReadonlyArray<string>, left: Lettered, right: Lettered): Lettered => {
  const shared = left.letters.filter((letter) => right.letters.includes(letter))
  const batch = shared.filter((letter) => needed.includes(letter))
  const summedOver = shared.filter((letter) => !needed.includes(letter))
  const pairs = (letters: ReadonlyArray<string>): { left: ReadonlyArray<number>; right: ReadonlyArray<number> } => ({
    left: letters.map((letter) => left.letters.indexOf(letter)),
    right: letters.map((letter) => right.letters.indexOf(letter))
  })
  const free = ({ letters }: Lettered): ReadonlyArray<string> => letters.filter((letter) => !shared.includes(letter))
  return {
    letters: [...batch, ...free(left), ...free(right)],
    x: dotNode(pairs(batch), pairs(summedOver), left.x, right.x)
  }
}
