/**
 * The generative reading of replaced token detection: what a discriminator, with the generator that it was trained against, says of
 * how likely a token is. Clark et al. 2020, appendix G, https://arxiv.org/abs/2003.10555
 *
 *     p(x_t | all others) = D p_G / (a (1 - D) + p_G),    a = (1 - p_mask) / p_mask
 *
 * with D the probability that x_t is original and p_G the generator's probability of x_t where it is masked. Exact for a discriminator
 * without error whose generator drew at the temperature 1; of a trained one the probabilities of all tokens do not add up to 1.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Scorer } from './likelihood.js'

/** `log (1 + exp x)`, for any x. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/** `log (exp x + exp y)`. */
const logAddExp = (x: number, y: number): number =>
  x === y ? x + Math.LN2 : Math.max(x, y) + softplus(-Math.abs(x - y))

/**
 * `log p(x_t | all others)` in nats from the log-odds `log (D / (1 - D))` that the token is original and from `log p_G`. Never above 0.
 *
 * @example
 * impliedLogLikelihood(0.15)(Infinity, Math.log(0.2)) // 0: what is surely original is all that can stand there
 */
export const impliedLogLikelihood =
  (maskProbability: number) =>
  (originalLogit: number, logProposal: number): number => {
    const logA = Math.log1p(-maskProbability) - Math.log(maskProbability)
    return logProposal - softplus(-originalLogit) - logAddExp(logA - softplus(originalLogit), logProposal)
  }

/** Scores texts by a discriminator, whose `originals` are the log-odds that tokens are original, and by its generator. */
export const replacedTokenScorer = (originals: Scorer, proposals: Scorer, maskProbability: number): Scorer => {
  const implied = impliedLogLikelihood(maskProbability)
  return (ids) =>
    pipe(
      originals(ids),
      TE.bindTo('original'),
      TE.bind('proposed', () => proposals(ids)),
      TE.map(({ original, proposed }) => original.map((logit, i) => implied(logit, proposed[i])))
    )
}
