/**
 * One seed, one result: any number of workers, with room for all shards or for one, on the device's own products or on BLAS.
 */

import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { blas } from '../../../src/tensor/run/multipliers/blas.js'
import { showDeviceError } from '../../../src/tensor/run/device.js'
import { manyParts, executions, trained } from './fifty-steps.js'
import { corpusIn, remove, temporary, textOf } from './runs.js'

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

const found = await blas()()

describe.each(['own', 'blas'] as const)('fifty steps of nano on %s', (matmul) => {
  const isSkipped = matmul === 'blas' && E.isLeft(found) && process.env.PURE_ELECTRA_REQUIRE_BLAS !== '1'
  const why = isSkipped ? ` (skipped: ${showDeviceError(found.left)})` : ''
  it.skipIf(isSkipped)(
    `have the same bits on 1, 2, 3 and 4 workers, with 5, 4, 3 and 1 shards at once${why}`,
    async () => {
      const alone = await trained(corpus, matmul, 1, 5)
      for (const [workers, shardsAtOnce] of executions)
        expect(await trained(corpus, matmul, workers, shardsAtOnce)).toEqual(alone)
    }
  )
})

it('has the same bits where the update is divided into many parts, on 1, 2 and 4 workers', async () => {
  const whole = await trained(corpus, 'own', 1, 5)
  for (const workers of [1, 2, 4]) expect(await trained(corpus, 'own', workers, 5, manyParts)).toEqual(whole)
})
