/**
 * Choosing among the hypotheses of a recogniser or translator: its own score, and how likely each is as a text.
 *
 *     argmax over hypotheses of f(x | s) + lambda PLL(x)
 *
 * Source: Clark et al. 2020, Pre-Training Transformers as Energy-Based Cloze Models, section 4.2, which chooses lambda on development
 * data from a grid that begins at 0.05 and ends at 1.
 */

export type Hypothesis = {
  readonly text: string
  /** Of whoever proposes it: a log-probability. */
  readonly score: number
  /** Its pseudo-log-likelihood. */
  readonly likelihood: number
}

export type NBest = {
  readonly id: string
  /** At least one. */
  readonly hypotheses: ReadonlyArray<Hypothesis>
  /** What was said, where it is known. */
  readonly reference?: string
}

/** The best hypothesis, the first of equals. */
export const best =
  (lambda: number) =>
  ({ hypotheses }: Pick<NBest, 'hypotheses'>): Hypothesis => {
    const value = ({ score, likelihood }: Hypothesis): number => score + lambda * likelihood
    return hypotheses.reduce((found, next) => (value(next) > value(found) ? next : found))
  }

const wordsOf = (text: string): ReadonlyArray<string> => text.split(/\s+/).filter((word) => word !== '')

/** Fewest words to insert, delete or replace that make one text the other (Levenshtein). */
export const wordErrors = (reference: string, hypothesis: string): number => {
  const [from, to] = [wordsOf(reference), wordsOf(hypothesis)]
  return from.reduce<ReadonlyArray<number>>(
    (row, word, i) =>
      to.reduce<ReadonlyArray<number>>(
        (next, other, j) => [...next, Math.min(row[j] + (word === other ? 0 : 1), row[j + 1] + 1, (next[j] ?? 0) + 1)],
        [i + 1]
      ),
    Array.from({ length: to.length + 1 }, (_, j) => j)
  )[to.length]
}

/** Errors for each word of the references, over the lists that have one; NaN where none has. */
export const wordErrorRate = (lambda: number, lists: ReadonlyArray<NBest>): number => {
  const [errors, words] = lists.reduce(
    ([e, w], { reference, hypotheses }) =>
      reference === undefined
        ? [e, w]
        : [e + wordErrors(reference, best(lambda)({ hypotheses }).text), w + wordsOf(reference).length],
    [0, 0]
  )
  return errors / words
}

/** 0.05, 0.1, ..., 1. */
export const lambdaGrid: ReadonlyArray<number> = Array.from({ length: 20 }, (_, i) => (i + 1) / 20)

/** The first lambda of the grid with the fewest errors. */
export const chooseLambda = (lists: ReadonlyArray<NBest>): { readonly lambda: number; readonly errorRate: number } =>
  lambdaGrid
    .map((lambda) => ({ lambda, errorRate: wordErrorRate(lambda, lists) }))
    .reduce((found, next) => (next.errorRate < found.errorRate ? next : found))
