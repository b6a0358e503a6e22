// Pre-training in a browser, on its GPU or on Web Workers. In the clone: npm run build, then npx vite examples/browser
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { pretrainingSession, resolveConfig, vocabularyOf } from 'pure-electra/electra'
import { acquireFolds, showWorkerError } from 'pure-electra/workers'
import text from '../../data/sample/psychology.txt?raw'

const print = (line) => document.querySelector('pre').append(`${line}\n`)

// Words are pieces here: the thousand most frequent ones. The command line builds real vocabularies.
const documents = text
  .split('\n\n')
  .map((document) => document.split('\n').map((line) => line.toLowerCase().match(/[a-z]+/g) ?? []))
  .map((lines) => lines.filter((words) => words.length > 0))
  .filter((lines) => lines.length > 0)
const counts = new Map()
for (const word of documents.flat(2)) counts.set(word, (counts.get(word) ?? 0) + 1)
const frequent = [...counts].sort(([, a], [, b]) => b - a).map(([word]) => word)
const vocabulary = vocabularyOf('words')(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...frequent.slice(0, 995)])

// A corpus: the ids of all sentences in a row, where sentences end in it, and where documents end among the sentences.
const ends = (lists) => {
  let end = 0
  return Uint32Array.from(lists, ({ length }) => (end += length))
}
const encoded = (documents, { idOf, special }) => ({
  ids: Uint16Array.from(documents.flat(2), (word) => idOf.get(word) ?? special.unk),
  sentenceEnds: ends(documents.flat()),
  documentEnds: ends(documents)
})
const corpusOf = (vocabulary) => ({
  vocabulary,
  train: encoded(documents.slice(1), vocabulary),
  heldOut: encoded(documents.slice(0, 1), vocabulary)
})

const steps = 200

// A GPU where this browser gives the page one; `#wasm` behind the address asks for threads.
const on = (device, workers) => acquireFolds({ workers, choice: { device, matmul: 'own', floats: 'float32' } })
const threads = on('wasm', Math.max(1, navigator.hardwareConcurrency - 1))
const gpuOrThreads = pipe(
  on('webgpu', 1),
  TE.orElse((e) => {
    print(`${showWorkerError(e)}: on threads instead`)
    return threads
  })
)
const folds = location.hash === '#wasm' ? threads : gpuOrThreads

const showStep = (n, { report: { maskedLmLoss, discriminatorLoss } }) =>
  print(`step ${n}: masked LM ${maskedLmLoss.toFixed(3)}, discriminator ${discriminatorLoss.toFixed(3)}`)

const train =
  ({ config, corpus }) =>
  (held) =>
    pipe(
      pretrainingSession({ config, corpus, seed: 0, totalSteps: steps })(held),
      TE.tapIO(
        ({ parameters }) =>
          () =>
            print(`${parameters} parameters on ${held.where.device}, workers: ${held.where.workers}`)
      ),
      TE.chain((session) =>
        // All are asked for at once: as many are under way as what they are computed on has room for.
        pipe(
          RA.makeBy(steps, (n) =>
            TE.tapIO((stepped) => () => n % 20 === 19 && showStep(n + 1, stepped))(session.step(n))
          ),
          TE.sequenceArray
        )
      )
    )

const trained = pipe(
  TE.Do,
  TE.bind('config', () => TE.fromEither(resolveConfig({ extends: 'nano', batchSize: 8, shards: 1 }))),
  TE.bindW('corpus', () => TE.fromEither(E.map(corpusOf)(vocabulary))),
  TE.chainW((given) => TE.bracketW(folds, train(given), ({ release }) => TE.fromTask(release)))
)

print(E.match(JSON.stringify, () => 'done')(await trained()))
