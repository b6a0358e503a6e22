// What somebody does on a GPU who uses the package in a page, or in a worker of one: verify a golden file, and train.
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { decodeSentences, parseVocabulary, pretrainingSession, resolveConfig, verify } from 'pure-electra/electra'
import { acquire } from 'pure-electra/tensor'
import { withFolds } from 'pure-electra/workers'

const choice = { device: 'webgpu', matmul: 'own', floats: 'float32' }

const bytesAt = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer())

const corpus = async () => {
  const manifest = await (await fetch('/corpus/corpus.json')).json()
  const vocabulary = parseVocabulary('vocab.txt')(await bytesAt('/corpus/vocab.txt'))
  const [train, heldOut] = [await bytesAt('/corpus/train.bin'), await bytesAt('/corpus/heldout.bin')]
  return pipe(
    E.Do,
    E.bind('vocabulary', () => vocabulary),
    E.bindW('train', ({ vocabulary }) => decodeSentences(manifest.train, vocabulary.pieces.length)(train)),
    E.bindW('heldOut', ({ vocabulary }) => decodeSentences(manifest.heldOut, vocabulary.pieces.length)(heldOut))
  )
}

/** The steps that were taken, as soon as each is: `onStep` hears of them. */
export const trained = ({ overrides, seed, steps }, onStep) =>
  pipe(
    TE.Do,
    TE.bind('config', () => TE.fromEither(resolveConfig(overrides))),
    TE.bindW('corpus', () => corpus),
    TE.chainW(({ config, corpus }) =>
      withFolds({ workers: 1, choice })((folds) =>
        pipe(
          pretrainingSession({ config, corpus, seed, totalSteps: steps })(folds),
          TE.tapIO(() => onStep),
          TE.bindTo('session'),
          TE.bind('stepped', ({ session }) =>
            TE.sequenceArray(RA.makeBy(steps, (n) => TE.tapIO(() => onStep)(session.step(n))))
          ),
          TE.bind('state', ({ session }) => session.read),
          TE.map(({ stepped, state }) => ({
            reports: stepped.map(({ report, gradientNorm }) => ({ ...report, gradientNorm })),
            weights: state.params.map(({ name, data }) => [name, [...new Uint32Array(data.slice().buffer)]])
          }))
        )
      )
    )
  )()

const verifiedAt = async (path) => {
  const bytes = await bytesAt(path)
  return pipe(
    TE.bracket(
      acquire(choice),
      (device) => verify(device)(bytes),
      ({ release }) => TE.fromTask(release)
    ),
    TE.map(({ passes, comparisons }) => ({ passes, compared: comparisons.length }))
  )()
}

/** Of each golden file. */
export const verified = async (paths) => {
  const found = []
  for (const path of paths) found.push(await verifiedAt(path))
  return found
}
