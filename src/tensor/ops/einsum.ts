/**
 * Einstein summation: contractions, diagonals, sums and transposes written with one letter per axis.
 *
 *     einsum('bik,bkj->bij')(x, y)      batched matrix product
 *     einsum('ii')(x)                   trace
 *     einsum('bld,vd->blv')(h, table)   scores against a table
 */

import { invalidArgument, shapeMismatch } from '../fault.js'
import { dotNode, permuteNode, reshapeNode, type Tensor } from '../tensor.js'
import { slice } from './movement.js'
import { sum } from './reduce.js'

/** A tensor whose axes have names: one distinct letter each. */
type Lettered = { readonly letters: ReadonlyArray<string>; readonly x: Tensor }

type Spec = { readonly operands: ReadonlyArray<ReadonlyArray<string>>; readonly output: ReadonlyArray<string> }

/**
 * `out[output letters] = sum over all other letters of the product of the operands`.
 *
 * The subscripts name each axis of each operand with a letter, operands apart by commas. After `->` stand the letters of
 * the result in order; without it, those that occur exactly once, alphabetically. A letter twice in one operand takes its
 * diagonal. A letter has one extent everywhere (1 is not stretched). Operands are contracted from left to right, each
 * letter summed as soon as nobody to the right needs it.
 *
 * f32, i32 and u32. Fails with `InvalidArgument` for subscripts that do not parse, `ShapeMismatch` for extents that differ.
 */
export const einsum =
  (subscripts: string) =>
  (...xs: ReadonlyArray<Tensor>): Tensor => {
    const spec = parse(subscripts)
    expectFit(subscripts, spec, xs)
    const operands = xs.map((x, i) => distinct({ letters: spec.operands[i], x }))
    const neededAfter = (i: number): ReadonlyArray<string> => [...spec.output, ...spec.operands.slice(i + 1).flat()]
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

const parse = (subscripts: string): Spec => {
  const match = /^([a-zA-Z]*(?:,[a-zA-Z]*)*)(?:->([a-zA-Z]*))?$/.exec(subscripts.replaceAll(' ', ''))
  if (match === null) throw invalidArgument('einsum', `'${subscripts}'`, `letters, commas and at most one '->'`)
  const operands = match[1].split(',').map((letters) => [...letters])
  const all = operands.flat()
  const once = [...new Set(all)].filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter)).sort()
  const output = match[2] === undefined ? once : [...match[2]]
  if (new Set(output).size !== output.length || !output.every((letter) => all.includes(letter)))
    throw invalidArgument('einsum', `'${subscripts}'`, 'each letter of the result once, and in some operand')
  return { operands, output }
}

const expectFit = (subscripts: string, { operands }: Spec, xs: ReadonlyArray<Tensor>): void => {
  if (operands.length !== xs.length)
    throw invalidArgument('einsum', `${xs.length} tensors for '${subscripts}'`, String(operands.length))
  const op = `einsum('${subscripts}')`
  const extents = new Map<string, number>()
  operands.forEach((letters, i) => {
    const { shape } = xs[i]
    if (letters.length !== shape.length)
      throw invalidArgument('einsum', `rank ${shape.length} for '${letters.join('')}'`, `rank ${letters.length}`)
    letters.forEach((letter, axis) => {
      if ((extents.get(letter) ?? shape[axis]) !== shape[axis]) throw shapeMismatch(op, ...xs.map((x) => x.shape))
      extents.set(letter, shape[axis])
    })
  })
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
