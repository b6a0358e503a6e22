/** A run of two stages, taken up again on either side of where the second begins. */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { pretrainingSession } from '../../../src/electra/pretraining/session.js'
import { sha256OfTensors } from '../../../src/electra/store/digest.js'
import type { NamedState } from '../../../src/electra/training/problem.js'
import type { Session } from '../../../src/electra/training/session.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { inProcess, pooledFold } from '../../../src/workers/index.js'
import { rightOf } from '../data/right.js'
import { corpusIn, least, remove, temporary, textOf } from '../training/runs.js'

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

const totalSteps = 6
const config = least({ objective: 'two-stage' })

const opened = (): Promise<Session> =>
  rightOf(pipe(pooledFold(inProcess(wasm())), pretrainingSession({ config, corpus, seed: 1, totalSteps })))

const bitsOf = ({ params, optimizer }: NamedState) => [sha256OfTensors(params), sha256OfTensors(optimizer)]

/** The state after each of the steps from `first` on. */
const statesFrom = (session: Session, first: number): Promise<ReadonlyArray<NamedState>> =>
  rightOf(
    pipe(
      Array.from({ length: totalSteps - first }, (_, i) => first + i),
      TE.traverseSeqArray((n) =>
        pipe(
          session.step(n),
          TE.chain(() => session.read)
        )
      )
    )
  )

/** The bits of a half of the parameters. */
const half = (name: string, { params }: NamedState): string =>
  sha256OfTensors(params.filter((p) => p.name.startsWith(`${name}.`)))

describe('two-stage training', () => {
  it('goes on with the same bits from before, at and behind the second stage, and moves one network at a time', async () => {
    const whole = await statesFrom(await opened(), 0)
    for (const taken of [2, 3, 4]) {
      const session = await opened()
      await rightOf(session.write(whole[taken - 1], taken))
      expect((await statesFrom(session, taken)).map(bitsOf)).toEqual(whole.slice(taken).map(bitsOf))
    }
    const halves = (name: string) => new Set(whole.map((state) => half(name, state)))
    // Three steps of each stage: the other network has one state throughout it.
    expect([halves('generator').size, halves('discriminator').size]).toEqual([3, 4])
  })
})
