/**
 * A process of its own for the test of a full disk: saves a large checkpoint into the directory that is its argument, and
 * prints the result as JSON.
 */

import * as E from 'fp-ts/lib/Either.js'
import { saveCheckpoint } from '../../../../src/electra/store/checkpoints/checkpoint.js'
import { checkpointOf } from './checkpoint-cases.js'

const result = await saveCheckpoint(process.argv[2], checkpointOf(20, {}, 100_000), { keep: 1 })()
process.stdout.write(JSON.stringify(E.isLeft(result) ? result.left : { saved: result.right }))
