/**
 * The page that measures: everybody on one adapter, taking turns. What is wrong is not timed, and what fails weighs on nobody else.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { wasm } from '../../../src/tensor/index.js'
import { reasonOf } from '../../../src/tensor/reason.js'
import { inProcess, pooledFold } from '../../../src/workers/index.js'
import { ratesOf, type Measured } from '../../measurement.js'
import { race, type Contestant, type Finish, type Opened, type Rules, type Timed } from '../../race.js'
import { check } from '../operands.js'
import type { Library, Product, Stepping, Training } from './library.js'
import { steppingOn } from './our-encoder.js'
import { ours } from './ours.js'
import {
  comparedSteps,
  contractionOf,
  flopOf,
  lossTolerance,
  operandsOf,
  presets,
  showEncoder,
  showProduct,
  stepsAwaited,
  trainingOf,
  type Preset
} from './subjects.js'

export type Asked = {
  readonly preset: Preset
  readonly parts: ReadonlyArray<'products' | 'step'>
  readonly rules: Rules
  /** Modules of other libraries, with what they are exactly; or why there is none. */
  readonly peers: ReadonlyArray<{
    readonly name: string
    readonly detail: string
    readonly module: E.Either<string, string>
  }>
}

/** The losses of the first steps, by whom; or why there are none. */
export type Losses = ReadonlyArray<{ readonly name: string; readonly losses: E.Either<string, ReadonlyArray<number>> }>

export type Found = {
  readonly adapters: ReadonlyArray<{ readonly name: string; readonly adapter: string }>
  readonly products: ReadonlyArray<Measured>
  readonly step: Measured | undefined
  readonly losses: Losses
}

type Entrant = {
  readonly name: string
  readonly isOurs: boolean
  readonly detail?: string
  readonly library: E.Either<string, Library>
}

const tried = <A>(task: () => Promise<A>): TaskEither<string, A> =>
  TE.tryCatch(task, (thrown) => reasonOf(thrown).split('\n')[0])

const say = (what: string): void => console.info(what)

// ------------------------------------------------------------------ who takes part

/** What has gone wrong on a device outside of any call: its work was not done, and its time means nothing. */
const deviceErrors: Array<string> = []

const listening = (adapter: GPUAdapter): GPUAdapter => {
  const request = adapter.requestDevice.bind(adapter)
  adapter.requestDevice = async (descriptor) => {
    const device = await request(descriptor)
    device.addEventListener('uncapturederror', ({ error }) => void deviceErrors.push(error.message))
    return device
  }
  return adapter
}

/** Whoever asks for an adapter gets the same, whatever it wishes. */
const shareAdapter = (gpu: GPU): void => {
  const request = gpu.requestAdapter.bind(gpu)
  gpu.requestAdapter = async () => {
    const adapter = await request({ powerPreference: 'high-performance' })
    return adapter === null ? null : listening(adapter)
  }
}

type PeerModule = { readonly open: () => Promise<Library> }

const entrantsFrom = async ({ peers }: Asked): Promise<ReadonlyArray<Entrant>> => {
  const entrants: Array<Entrant> = []
  for (const name of ['own', 'gpu.js'] as const)
    entrants.push({ name, isOurs: true, library: await tried(() => ours(name))() })
  for (const { name, detail, module } of peers)
    entrants.push({
      name,
      isOurs: false,
      detail,
      library: await pipe(
        TE.fromEither(module),
        TE.chain((url) => tried(async () => ((await import(url)) as PeerModule).open()))
      )()
    })
  return entrants
}

const unlessDeviceFailed = async <A>(work: () => Promise<A>): Promise<A> => {
  deviceErrors.length = 0
  const done = await work()
  if (deviceErrors.length > 0) throw new Error(`its device says: ${deviceErrors[0]}`)
  return done
}

const timed =
  (work: (times: number) => Promise<unknown>): Timed =>
  (times) =>
    tried(async () => {
      const start = performance.now()
      await unlessDeviceFailed(() => work(times))
      return (performance.now() - start) / 1000
    })

const contestant = (
  { name, isOurs, detail, library }: Entrant,
  open: (library: Library) => Promise<Opened>
): Contestant => ({
  name,
  isOurs,
  threads: undefined,
  open: pipe(
    TE.fromEither(library),
    TE.chain((opened) => tried(() => unlessDeviceFailed(() => open(opened)))),
    TE.map((opened) => (detail === undefined ? opened : { ...opened, detail }))
  )
})

const raced = (rules: Rules, contestants: ReadonlyArray<Contestant>): Promise<ReadonlyArray<Finish>> =>
  race(rules, (what) => say(`  ${what}`))(contestants)()

// ------------------------------------------------------------------ products

const openProduct =
  (product: Product) =>
  async (library: Library): Promise<Opened> => {
    const [left, right] = operandsOf(product)
    const { run, read, release } = await library.product(product, left, right)
    const checked = async (): Promise<void> => check(contractionOf(product), left.data, right.data, await read())
    await checked()
    return { run: timed(run), check: tried(checked), release: async () => release() }
  }

const measureProduct = async (entrants: ReadonlyArray<Entrant>, rules: Rules, product: Product): Promise<Measured> => {
  const subject = showProduct(product)
  say(subject)
  const finishes = await raced(
    rules,
    entrants.map((entrant) => contestant(entrant, openProduct(product)))
  )
  return ratesOf({ suite: 'products', subject, unit: 'GFLOP/s' }, flopOf(product) / 1e9, finishes)
}

// ------------------------------------------------------------------ steps

/** What the losses should be: those of this library's WebAssembly device, which shares no kernel with a GPU. */
const expectedLosses = async (training: Training): Promise<ReadonlyArray<number>> => {
  const { take } = await steppingOn(pooledFold(inProcess(wasm())), training)
  return take(comparedSteps)
}

const openSteps =
  (training: Training, expected: ReadonlyArray<number>, hear: (losses: ReadonlyArray<number>) => void) =>
  async (library: Library): Promise<Opened> => {
    const { take, release }: Stepping = await library.training(training)
    const losses = await take(comparedSteps)
    hear(losses)
    losses.forEach((loss, n) => {
      if (!(Math.abs(loss / expected[n] - 1) <= lossTolerance))
        throw new Error(`WRONG: the loss of step ${n} is ${loss}, not ${expected[n]}`)
    })
    return {
      run: timed((times) => take(times * stepsAwaited)),
      check: pipe(
        tried(() => take(1)),
        TE.filterOrElse(
          ([loss]) => Number.isFinite(loss),
          ([loss]) => `WRONG: a loss of ${loss} in the end`
        ),
        TE.map(() => undefined)
      ),
      release: async () => release()
    }
  }

const measureSteps = async (
  entrants: ReadonlyArray<Entrant>,
  { rules, preset }: Asked
): Promise<{ readonly measured: Measured; readonly losses: Losses }> => {
  const { encoder: size } = presets[preset]
  const training = trainingOf(size)
  const subject = showEncoder(size)
  say(`step: ${subject}`)
  const expected = await expectedLosses(training)
  const heard = new Map<string, ReadonlyArray<number>>()
  const finishes = await raced(
    rules,
    entrants.map((entrant) =>
      contestant(
        entrant,
        openSteps(training, expected, (losses) => heard.set(entrant.name, losses))
      )
    )
  )
  const work = stepsAwaited * size.batch * size.length
  return {
    measured: ratesOf({ suite: 'step', subject, unit: 'tokens/s' }, work, finishes),
    losses: [
      { name: 'wasm', losses: E.right(expected) },
      ...finishes.map(({ contestant: { name }, seconds }) => ({
        name,
        losses: E.fromNullable(E.isLeft(seconds) ? seconds.left : 'not told')(heard.get(name))
      }))
    ]
  }
}

const measure = async (asked: Asked): Promise<Found> => {
  shareAdapter(navigator.gpu)
  const entrants = await entrantsFrom(asked)
  const products: Array<Measured> = []
  if (asked.parts.includes('products'))
    for (const product of presets[asked.preset].products)
      products.push(await measureProduct(entrants, asked.rules, product))
  const steps = asked.parts.includes('step') ? await measureSteps(entrants, asked) : undefined
  return {
    adapters: entrants.flatMap(({ name, library }) =>
      E.isLeft(library) ? [] : [{ name, adapter: library.right.adapter }]
    ),
    products,
    step: steps?.measured,
    losses: steps?.losses ?? []
  }
}

/** What the page's global scope offers. */
export type PageApi = { readonly measure: typeof measure }

Object.assign(globalThis, { measure } satisfies PageApi)
