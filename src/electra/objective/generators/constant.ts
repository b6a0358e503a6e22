/**
 * Generators that look at nothing: their logits are the same at every position, and they learn nothing.
 */

import { broadcastTo, type Tensor } from '../../../tensor/index.js'
import type { ConfigProblem } from '../../config/schema.js'
import { maskedLmLoss, maskedLmMetrics } from '../masked-lm-loss.js'
import type { Generator, GeneratorSettings } from './generator.js'

/** Logits `[V]` for every slot. Their loss is the masked-LM loss of always saying so, which no parameter changes. */
export const constantGenerator = (logits: Tensor): Generator => ({
  parameters: undefined,
  networks: () => [],
  columns: [
    {
      name: 'maskedLmLoss',
      meaning:
        'Mean cross-entropy of the original tokens at the masked positions, which the generator cannot change, in nats.',
      better: 'neither',
      digits: 3
    }
  ],
  report: (sums, batches) => ({ maskedLmLoss: sums.maskedLmLoss[0] / batches }),
  propose: (_, batch, denominators) => {
    const everySlot = broadcastTo([...batch.maskedIds.shape, ...logits.shape])(logits)
    const loss = maskedLmLoss(batch, denominators)(everySlot)
    const { maskedLmLoss: measured, maskedTokens } = maskedLmMetrics(batch, everySlot, loss)
    return { logits: everySlot, loss, metrics: { maskedLmLoss: measured, maskedTokens } }
  }
})

/** There is nothing to share with a generator without parameters. */
export const sharesNothing =
  (kind: string) =>
  ({ sharing }: Pick<GeneratorSettings, 'sharing'>): ReadonlyArray<ConfigProblem> =>
    sharing === undefined || sharing === 'none'
      ? []
      : [
          {
            path: 'sharing',
            found: `'${sharing}'`,
            expected: `nothing or 'none': the ${kind} generator has no parameters to share`
          }
        ]
