/**
 * All measurements: `npm run bench`, or `npm run bench -- --help`.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { contractions } from './contraction.js'
import type { Measured } from './measurement.js'
import { describeMode, openModes } from './modes.js'
import type { Rules } from './race.js'
import { steps } from './step.js'
import { showTable } from './table.js'

const usage = `npm run bench -- [options]

  --suite NAME   contraction or step; may be repeated (default: both)
  --rounds N     times taken of each (default 7)
  --limit S      seconds for each contestant, after which it gets no further turn (default 15)
  --slow         measure the slow ones (reference device, software adapters) at sizes where they take minutes, too
  --json FILE    write the rows as JSON as well
  --help         this text
`

const suites = ['contraction', 'step'] as const

type Suite = (typeof suites)[number]

type Options = {
  readonly suites: ReadonlyArray<Suite>
  readonly rules: Rules
  readonly slow: boolean
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
    suites: chosen,
    rules: { rounds: Math.ceil(positive('rounds', values.rounds)), limit: positive('limit', values.limit) },
    slow: values.slow,
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
    process.stderr.write(`${elapsed.toFixed(0)} s, race ${done + 1} of ${total}${left}: ${what}\n`)
  }
}

const measure = async ({ suites: chosen, rules, slow, json }: Options, directory: string): Promise<void> => {
  const machine = describeMachine()
  const modes = await openModes()
  const measurements = [
    ...(chosen.includes('contraction') ? contractions(modes, slow) : []),
    ...(chosen.includes('step') ? steps(modes, slow, directory) : [])
  ]
  const tell = progress(measurements.length)
  const all: Array<Measured> = []
  for (const { subject, run } of measurements)
    all.push(await run(rules, (what) => tell(all.length, `${subject}, ${what}`)))
  for (const { multiplier } of modes) if (E.isRight(multiplier)) await multiplier.right.release()

  const rows = all.flatMap((one) => one.rows)
  const tables = suites
    .filter((suite) => chosen.includes(suite))
    .map((suite) => showTable(rows.filter((row) => row.suite === suite)))
  const notes = [machine, ...modes.map(describeMode), ...all.flatMap((one) => one.notes)].map((note) => `- ${note}`)
  console.log([notes.join('\n'), ...tables].join('\n\n'))
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ machine, rows }, null, 2)}\n`)
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
  const options = readOptions()
  if (options === undefined) console.log(usage)
  else await withScratch((directory) => measure(options, directory))
} catch (thrown) {
  console.error(`bench: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  process.exitCode = 1
}
