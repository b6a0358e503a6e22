/**
 * A run in memory: what a step gives is a function of the settings, the state and the step's number, to the last bit.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import type { Report } from '../../../src/electra/training/columns.js'
import { sha256OfTensors } from '../../../src/electra/store/digest.js'
import { pretrainingSession } from '../../../src/electra/pretraining/session.js'
import type { Session, SessionError } from '../../../src/electra/training/session.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { inProcess, pooledFold, withFolds, type FoldMaker, type WorkerError } from '../../../src/workers/index.js'
import { left, rightOf } from '../data/right.js'
import { corpusIn, least, nano, remove, temporary, textOf, threads } from './runs.js'

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

type Use<A> = (session: Session) => TE.TaskEither<SessionError, A>

/** A session in this thread, or on so many others. */
const inSession =
  (workers: 'in process' | number, config: ElectraConfig, seed = 1) =>
  <A>(use: Use<A>): Promise<A> => {
    const opened = (folds: FoldMaker): TE.TaskEither<SessionError, A> =>
      pipe(folds, pretrainingSession({ config, corpus, seed, totalSteps: 10 }), TE.chain(use))
    return rightOf<SessionError | WorkerError, A>(
      workers === 'in process' ? opened(pooledFold(inProcess(wasm()))) : withFolds(threads(workers))(opened)
    )
  }

type Trace = {
  readonly reports: ReadonlyArray<Report>
  readonly heldOut: Report | undefined
  readonly weights: string
  readonly optimizer: string
}

/** Takes the steps from `first` to before `last`, and says everything that there is to say. */
const traceOf =
  (first: number, last: number): Use<Trace> =>
  (session) =>
    pipe(
      Array.from({ length: last - first }, (_, i) => first + i),
      TE.traverseSeqArray((n) =>
        pipe(
          session.step(n),
          TE.map(({ report, gradientNorm, learningRate }): Report => ({ ...report, gradientNorm, learningRate }))
        )
      ),
      TE.bindTo('reports'),
      TE.bind('heldOut', () => session.evaluate),
      TE.bind('state', () => session.read),
      TE.map(({ reports, heldOut, state }) => ({
        reports,
        heldOut,
        weights: sha256OfTensors(state.params),
        optimizer: sha256OfTensors(state.optimizer)
      }))
    )

describe.each([
  ['electra', nano()],
  ['the masked-LM baseline', least({ objective: 'mlm' })],
  ['a batch in four shards', least({ shards: 4 })]
])('a session of %s', (_, config) => {
  it('gives the same bits in this thread, on one worker and on two', async () => {
    const here = await inSession('in process', config)(traceOf(0, 10))
    expect(await inSession(1, config)(traceOf(0, 10))).toEqual(here)
    expect(await inSession(2, config)(traceOf(0, 10))).toEqual(here)
    expect(here.reports.every(({ loss }) => Number.isFinite(loss))).toBe(true)
  })
})

describe('a session', () => {
  it('takes a step from the state alone, whatever came before', async () => {
    const [straight, middle] = await inSession(
      'in process',
      least()
    )((session) =>
      pipe(
        traceOf(0, 5)(session),
        TE.chain(() => session.read),
        TE.bindTo('middle'),
        TE.bind('rest', () => traceOf(5, 10)(session)),
        TE.map(({ middle, rest }) => [rest, middle] as const)
      )
    )
    const continued = await inSession(
      'in process',
      least()
    )((session) =>
      pipe(
        session.write(middle, 5),
        TE.chain(() => traceOf(5, 10)(session))
      )
    )
    expect(continued).toEqual(straight)
  })

  it('takes the step that it is asked for, though it has prepared the next', async () => {
    const [skipped, between] = await inSession(
      'in process',
      least()
    )((session) =>
      pipe(
        traceOf(0, 1)(session),
        TE.chain(() => session.read),
        TE.bindTo('between'),
        TE.bind('third', () => traceOf(2, 3)(session)),
        TE.map(({ between, third }) => [third, between] as const)
      )
    )
    const alone = await inSession(
      'in process',
      least()
    )((session) =>
      pipe(
        session.write(between, 1),
        TE.chain(() => traceOf(2, 3)(session))
      )
    )
    expect(skipped).toEqual(alone)
  })

  it('does not move by being evaluated or read', async () => {
    const plain = await inSession('in process', least())(traceOf(0, 3))
    const watched = await inSession(
      'in process',
      least()
    )((session) =>
      pipe(
        session.evaluate,
        TE.chain(() => session.read),
        TE.chain(() => traceOf(0, 3)(session))
      )
    )
    expect(watched).toEqual(plain)
  })

  it('is another for another seed', async () => {
    const one = await inSession('in process', least(), 1)(traceOf(0, 1))
    const two = await inSession('in process', least(), 2)(traceOf(0, 1))
    expect(two.weights).not.toBe(one.weights)
  })

  it('starts with moments of zero, and refuses a state that does not fit by the name of what does not', async () => {
    const state = await inSession('in process', least())((session) => session.read)
    expect(state.optimizer.every(({ data }) => data.every((x) => x === 0))).toBe(true)
    expect(state.optimizer.length).toBe(2 * state.params.length)
    const [first, ...others] = state.params
    const folds = pooledFold(inProcess(wasm()))
    const writing = (params: typeof state.params) =>
      pipe(
        folds,
        pretrainingSession({ config: least(), corpus, seed: 1, totalSteps: 10 }),
        TE.chain((session) => session.write({ ...state, params }, 0))
      )()
    expect(left(await writing(others))).toMatchObject({
      _tag: 'WrongInputs',
      where: `state params.${first.name}`,
      found: 'nothing'
    })
    expect(left(await writing([{ ...first, shape: [1, ...first.shape] }, ...others]))).toMatchObject({
      _tag: 'WrongInputs',
      where: `state params.${first.name}`,
      found: `F32 [${[1, ...first.shape].join(', ')}]`,
      expected: `F32 [${first.shape.join(', ')}]`
    })
  })

  it('cannot be opened where there is nothing to train on', async () => {
    const empty: Corpus = {
      ...corpus,
      train: {
        ...corpus.train,
        sentenceEnds: new Uint32Array(),
        documentEnds: new Uint32Array(),
        ids: corpus.train.ids.subarray(0, 0)
      }
    }
    const opened = pretrainingSession({ config: least(), corpus: empty, seed: 1, totalSteps: 10 })(
      pooledFold(inProcess(wasm()))
    )
    expect(left(await opened())).toEqual({ _tag: 'NoExamples' })
  })
})
