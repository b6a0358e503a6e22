/**
 * A process of its own for the test of a killed run: saves one large checkpoint after the other into the directory that is
 * its argument, from the step that is its second, and prints a line after the first.
 */

import * as E from 'fp-ts/lib/Either.js'
import { saveCheckpoint } from '../../../../src/electra/store/checkpoints/checkpoint.js'
import { checkpointOf } from './checkpoint-cases.js'

for (let step = Number(process.argv[3]); ; step++) {
  const result = await saveCheckpoint(process.argv[2], checkpointOf(step, {}, 1_000_000), { keep: 2 })()
  if (E.isLeft(result)) throw new Error(result.left._tag)
  process.stdout.write('saved\n')
}
