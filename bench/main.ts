/**
 * All measurements: `npm run bench`, or `npm run bench -- --help`.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { contractions } from './contraction.js'
import type { Measured, Measurement } from './measurement.js'
import { closeModes, describeMode, openModes } from './modes.js'
import { compiling, memories } from './once.js'
import { allowRelaxedSimd } from './ours.js'
import { nodePeer, pythonPeer } from './peers.js'
import type { Rules } from './race.js'
import { steps } from './step.js'
import { rowsOf, showOverview, showTable } from './table.js'
import { buildText } from './training.js'
import { workers } from './workers.js'

const usage = `npm run bench -- [options]

  --suite NAME   contraction, step, workers, compile or memory; may be repeated (default: all)
  --only TEXT    only what has this in its name, such as "1024 x 256" or small
  --rounds N     times taken of each (default 7)
  --limit S      seconds for each contestant, after which it gets no further turn (default 15)
  --slow         measure the slow ones, too, where a single run takes longer than that
  --json FILE    write the rows as JSON as well
  --help         this text

PURE_ELECTRA_PYTHON names a Python that has PyTorch (default: python3).
`

const suites = ['contraction', 'step', 'workers', 'compile', 'memory'] as const

type Suite = (typeof suites)[number]

type Options = {
  readonly suites: ReadonlyArray<Suite>
  readonly only: string
  readonly rules: Rules
  readonly json: string | undefined
}

const isSuite = (name: string): name is Suite => suites.some((suite) => suite === name)

const positive = (name: string, text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${name}: found ${text}, expected a positive number`)
  return value
}

/** Throws what is wrong with them. `undefined` for `--help`. */
const readOptions = (): Options | undefined => {
  const { values } = parseArgs({
    options: {
      suite: { type: 'string', multiple: true, default: [...suites] },
      only: { type: 'string', default: '' },
      rounds: { type: 'string', default: '7' },
      limit: { type: 'string', default: '15' },
      slow: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return undefined
  const chosen = values.suite.filter(isSuite)
  if (chosen.length !== values.suite.length)
    throw new Error(`--suite: found ${values.suite.join(', ')}, expected ${suites.join(' or ')}`)
  return {
    suites: suites.filter((suite) => chosen.includes(suite)),
    only: values.only,
    rules: {
      rounds: Math.ceil(positive('rounds', values.rounds)),
      limit: positive('limit', values.limit),
      slow: values.slow
    },
    json: values.json
  }
}

const describeMachine = (): string => {
  const { model } = cpus()[0]
  return [
    `${new Date().toISOString().slice(0, 10)}, ${model}, ${availableParallelism()} threads`,
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.versions.node}, V8 ${process.versions.v8}`,
    `load average before the first measurement ${loadavg()[0].toFixed(1)}`
  ].join('; ')
}

/** Says what is being measured, and how long the rest may take if it is like what was measured before. */
const progress = (total: number): ((done: number, what: string) => void) => {
  const start = performance.now()
  return (done, what) => {
    const elapsed = (performance.now() - start) / 1000
    const left = done === 0 ? '' : `, about ${Math.ceil((elapsed / done) * (total - done))} s left`
    process.stderr.write(`${elapsed.toFixed(0)} s, ${done + 1} of ${total}${left}: ${what}\n`)
  }
}

const measure = async ({ suites: chosen, only, rules, json }: Options, directory: string): Promise<void> => {
  const machine = describeMachine()
  const isChosen = (suite: Suite): boolean => chosen.includes(suite)
  const modes = isChosen('contraction') ? await openModes() : []
  const products = [
    nodePeer('TensorFlow.js', 'tfjs.mjs'),
    nodePeer('onnxruntime-web', 'onnxruntime.mjs'),
    nodePeer('jax-js', 'jax.mjs')
  ]
  const torch = pythonPeer('PyTorch', 'torch-step.py')
  const training = [
    { peer: torch, isSlow: false },
    { peer: nodePeer('TensorFlow.js', 'tfjs-step.mjs'), isSlow: true },
    { peer: nodePeer('jax-js', 'jax-step.mjs'), isSlow: true }
  ]
  const questions: Record<Suite, () => ReadonlyArray<Measurement>> = {
    contraction: () => contractions(modes, products, rules.slow),
    step: () => steps(training, directory),
    workers: () => workers(torch, directory),
    compile: () => compiling,
    memory: () => memories(torch, directory)
  }
  const measurements = chosen.flatMap((suite) => questions[suite]()).filter(({ subject }) => subject.includes(only))
  if (isChosen('step') || isChosen('workers') || isChosen('memory')) {
    process.stderr.write('building a corpus of the shipped text\n')
    const built = await buildText(directory)()
    if (E.isLeft(built)) throw new Error(built.left)
  }
  const tell = progress(measurements.length)
  const all: Array<Measured> = []
  for (const { subject, run } of measurements)
    all.push(await run(rules, (what) => tell(all.length, `${subject}, ${what}`)))
  await closeModes(modes)
  for (const peer of [...products, ...training.map(({ peer }) => peer)]) await peer.stop()

  const answers = all.flatMap((one) => one.answers)
  const notes = [machine, ...modes.map(describeMode), ...new Set(all.flatMap((one) => one.notes))]
  const shown = chosen.flatMap((suite) => {
    const its = answers.filter(({ question }) => question.suite === suite)
    if (its.length === 0) return []
    return suite === 'contraction' ? [showTable(its), showOverview(its)] : [showTable(its)]
  })
  console.log([notes.map((note) => `- ${note}`).join('\n'), ...shown].join('\n\n'))
  if (json !== undefined)
    await writeFile(json, `${JSON.stringify({ machine, notes, rows: answers.flatMap(rowsOf) }, null, 2)}\n`)
}

const withScratch = async (use: (directory: string) => Promise<void>): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'pure-electra-bench-'))
  try {
    await use(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

try {
  allowRelaxedSimd()
  const options = readOptions()
  if (options === undefined) console.log(usage)
  else await withScratch((directory) => measure(options, directory))
} catch (thrown) {
  console.error(`bench: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  process.exitCode = 1
}
