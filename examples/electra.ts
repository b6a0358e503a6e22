import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  buildCorpus,
  defaultRecipe,
  openCorpus,
  pretrainingSession,
  resolveConfig,
  type StepReport
} from 'pure-electra/electra'
import { withFolds } from 'pure-electra/workers'

// A configuration is a preset and what differs from it; sizes that follow from others are worked out.
const config = resolveConfig({ extends: 'nano', model: { hiddenSize: 32 }, batchSize: 8 })

// Text becomes an encoded corpus, with a vocabulary of its own.
const text = fileURLToPath(new URL('../data/sample/psychology.txt', import.meta.url))
const corpusIn = (directory: string) =>
  pipe(
    buildCorpus({ ...defaultRecipe, inputs: [text], out: directory, vocabulary: { _tag: 'trained', size: 500 } }),
    TE.chain(() => openCorpus(directory))
  )

// Generator and discriminator, trained together for 60 steps on two threads. One thread gives the same bits.
const threads = withFolds({ workers: 2, choice: { device: 'wasm', matmul: 'own', floats: 'float32' } })
const pretrain = (directory: string) =>
  pipe(
    TE.Do,
    TE.bind('config', () => TE.fromEither(config)),
    TE.bindW('corpus', () => corpusIn(directory)),
    TE.chainW(({ config, corpus }) =>
      threads((folds) =>
        pipe(
          pretrainingSession({ config, corpus, seed: 0, totalSteps: 60 })(folds),
          TE.chain((session) => TE.traverseSeqArray(session.step)(RA.makeBy(60, (n) => n)))
        )
      )
    )
  )

const showStep = (n: number, { report: { maskedLmLoss, discriminatorLoss } }: StepReport): string =>
  `step ${n}: masked LM ${maskedLmLoss?.toFixed(3)}, discriminator ${discriminatorLoss?.toFixed(3)}`

const scratch = await mkdtemp(join(tmpdir(), 'pure-electra-'))
const steps = await pretrain(join(scratch, 'corpus'))()
await rm(scratch, { recursive: true })
console.log(
  pipe(
    steps,
    E.match(JSON.stringify, (all) => [20, 40, 60].map((n) => showStep(n, all[n - 1])).join('\n'))
  )
)
