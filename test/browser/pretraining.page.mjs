// A page of somebody who uses the package: pre-training on Web Workers, on a corpus that was built elsewhere.
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { decodeSentences, pretrainingSession, parseVocabulary, resolveConfig } from 'pure-electra/electra'
import { withFolds } from 'pure-electra/workers'

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

// Of tensors in the order of their names: a line with name, dtype and shape, and the little-endian bytes.
const sha256 = async (tensors) => {
  const parts = [...tensors]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, dtype, shape, data }) => [`${JSON.stringify([name, dtype, shape])}\n`, data])
  const bytes = await new Blob(parts).arrayBuffer()
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

const choice = { device: 'wasm', matmul: 'own', floats: 'float32' }

globalThis.trained = ({ overrides, seed, steps, workers, shardsAtOnce }) =>
  pipe(
    TE.Do,
    TE.bind('config', () => TE.fromEither(resolveConfig(overrides))),
    TE.bindW('corpus', () => corpus),
    TE.chainW(({ config, corpus }) =>
      withFolds(
        { workers, choice },
        { shardsAtOnce }
      )((folds) =>
        pipe(
          pretrainingSession({ config, corpus, seed, totalSteps: steps })(folds),
          TE.bindTo('session'),
          TE.bind('stepped', ({ session }) => TE.traverseSeqArray(session.step)(RA.makeBy(steps, (n) => n))),
          TE.bind('state', ({ session }) => session.read),
          TE.chainTaskK(({ stepped, state }) => async () => ({
            reports: stepped.map(({ report, gradientNorm }) => ({ ...report, gradientNorm })),
            weights: await sha256(state.params),
            optimizer: await sha256(state.optimizer)
          }))
        )
      )
    ),
    TE.bindTo('trained'),
    TE.bind('alive', () => TE.fromTask(async () => (await navigator.locks.query()).held.length))
  )()
