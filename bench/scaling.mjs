/**
 * How far does training on many machines go? `npm run build && node bench/scaling.mjs`
 *
 * Measures what one rank does (a shard's gradient, sums and update of ELECTRA-Small), and what an allreduce and a whole step cost
 * between two ranks of this machine: through shared memory, through its loopback interface, and through that as slow as other
 * links are (`pace.c`, where there is a C compiler). Then prints what the model of docs/scaling.md makes of these for more ranks
 * and other networks. `--quick` leaves the measurements of the step out and takes those that are written here.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { objectiveOf, pretrainingPrograms, resolveConfig } from '../dist/electra/index.js'
import { flopsOf } from '../dist/tensor/program/cost.js'
import { lastWrites } from '../dist/tensor/program/finish.js'
import { fuse } from '../dist/tensor/program/fuse.js'
import { schedule } from '../dist/tensor/program/schedule.js'
import { acquirePool, acquireRanks, launchOf, pooledFold, showWorkerError } from '../dist/workers/index.js'

/** As in a trained vocabulary of the published size. */
const pieces = {
  size: 30522,
  special: { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 },
  counts: new Uint32Array(30522).fill(1)
}

const value = (either) => {
  if (E.isLeft(either)) throw new Error('_tag' in either.left ? showWorkerError(either.left) : String(either.left))
  return either.right
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1]

// ------------------------------------------------------------------ the step of a preset

const stepOf = (preset, shards, examples) => {
  const config = value(resolveConfig({ extends: preset, batchSize: shards * examples, shards }))
  return value(pretrainingPrograms(config, objectiveOf(config, pieces), 1000)).stages[0].step
}

const elements = ({ shape }) => shape.reduce((a, b) => a * b, 1)

const parametersOf = ({ reads, update }) => reads.reduce((sum, i) => sum + elements(update.program.inputs[i]), 0)

/** Of a shard's gradient: its operations, and by when, as a share of them, how many bytes of the result are finished. */
const timelineOf = ({ shardGrad: { program } }) => {
  const fused = fuse(schedule(program))
  const until = []
  fused.kernels.reduce((sum, kernel, k) => (until[k] = sum + flopsOf(kernel)), 0)
  const flops = until.at(-1)
  const parts = lastWrites(fused)
    .map((last, output) => ({ share: until[last] / flops, bytes: 4 * fused.buffers[fused.inputs + output].size }))
    .sort((x, y) => x.share - y.share)
  return { flops, parts }
}

/** Two shards that cost as any others do. */
const shardsFor = ({ shardGrad: { program, captured }, reads }) => {
  const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array }
  const shard = program.inputs
    .slice(reads.length, program.inputs.length - captured.length)
    .map((spec) => new arrays[spec.dtype](elements(spec)).fill(1))
  return [shard, shard]
}

const oneWorker = async () =>
  value(await acquirePool({ workers: 1, choice: { device: 'wasm', matmul: 'auto', floats: 'float32' } })())

/** Seconds of a shard's gradient, and of its sums and update, with one worker and BLAS. */
const measureStep = async (step) => {
  const pool = await oneWorker()
  const runs = []
  const watched = {
    ...pool,
    run: (jobs, listener) => async () => {
      const start = performance.now()
      const ran = await pool.run(jobs, listener)()
      runs.push((performance.now() - start) / 1000)
      return ran
    }
  }
  const fold = value(await pooledFold(watched).make(step)())
  const steps = []
  for (let n = 0; n < 8; n++) {
    runs.length = 0
    value(await fold.step(shardsFor(step), [Int32Array.of(n)])())
    steps.push([...runs])
  }
  await pool.release()
  const at = (i) => median(steps.slice(2).map((all) => all[i]))
  const rest = steps[0].slice(1).reduce((sum, _, i) => sum + at(i + 1), 0)
  return { shard: at(0) / 2, rest, multiplier: pool.device.multiplier }
}

// ------------------------------------------------------------------ one rank of two, started by the launcher

const sizes = [2 ** 10, 2 ** 14, 2 ** 18, 2 ** 20, 2 ** 22, 2 ** 24]

const measureAllreduce = async (ranks) => {
  const rows = []
  for (const bytes of sizes) {
    const array = new Float32Array(new SharedArrayBuffer(bytes))
    const seconds = []
    for (let i = 0; i < 12; i++) {
      const start = performance.now()
      value(await ranks.sum([array])())
      seconds.push((performance.now() - start) / 1000)
    }
    rows.push({ bytes, seconds: median(seconds.slice(2)) })
  }
  return rows
}

/** Seconds of a step of two shards of ELECTRA-Small, one on each rank. */
const measureTogether = async (ranks) => {
  const pool = await oneWorker()
  const step = stepOf('small', 2, 8)
  const fold = value(await pooledFold(pool, { ranks }).make(step)())
  const seconds = []
  for (let n = 0; n < 10; n++) {
    const start = performance.now()
    value(await fold.step(shardsFor(step), [Int32Array.of(n)])())
    seconds.push((performance.now() - start) / 1000)
  }
  await pool.release()
  return median(seconds.slice(3))
}

const launched = launchOf(process.env)
if (O.isSome(launched)) {
  const ranks = value(await acquireRanks(launched.value)())
  const found = await (process.argv.includes('--step') ? measureTogether : measureAllreduce)(ranks)
  if (ranks.rank === 0) console.log(JSON.stringify(found))
  await ranks.release()
  process.exit(0)
}

// ------------------------------------------------------------------ what is measured

const paceLibrary = () => {
  const library = join(mkdtempSync(join(tmpdir(), 'pure-electra-pace-')), 'pace.so')
  const source = fileURLToPath(new URL('pace.c', import.meta.url))
  const { status } = spawnSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl'])
  return status === 0 ? library : undefined
}

const onRanks = (options, environment, ...args) => {
  const common = ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none', '-n', '2']
  const command = [process.execPath, fileURLToPath(import.meta.url), ...args]
  const ran = spawnSync('mpirun', [...common, ...options, ...command], {
    encoding: 'utf8',
    env: { ...process.env, ...environment }
  })
  if (ran.status !== 0) throw new Error(`mpirun: ${ran.error ?? ran.stderr}`)
  return JSON.parse(ran.stdout)
}

const isQuick = process.argv.includes('--quick')

// ------------------------------------------------------------------ the model

/** Rabenseifner's or the ring, whichever is sooner: both move 2 (R - 1) / R of the bytes through each rank's link. */
const allreduce = (ranks, bytes, { latency, bandwidth }) =>
  ranks === 1 ? 0 : 2 * Math.log2(ranks) * latency + (2 * (ranks - 1) * bytes) / ranks / bandwidth

/** See `src/workers/fold/sharded-sum.ts`. */
const mostAdded = 8

/**
 * What is left of the exchange when the gradient is there. Where each of few workers has one shard, parts are exchanged while
 * others are computed; otherwise nothing is.
 */
const exposed = ({ shards, ranks, workers, shard, parts, network }) => {
  const after = parts.reduce(
    (end, { share, bytes }) => Math.max(end, share * shard) + allreduce(ranks, bytes, { ...network, latency: 0 }),
    0
  )
  const all = parts.reduce((sum, { bytes }) => sum + bytes, 0)
  return shards === ranks * workers && workers <= mostAdded
    ? after - shard + allreduce(ranks, 0, network)
    : allreduce(ranks, all, network)
}

const stepSeconds = (run) => {
  const { shards, ranks, workers, shard, rest } = run
  return Math.ceil(shards / (ranks * workers)) * shard + rest / workers + (ranks === 1 ? 0 : exposed(run))
}

const networks = {
  '1 Gbit/s, 50 us': { latency: 50e-6, bandwidth: 0.118e9 },
  '10 Gbit/s, 25 us': { latency: 25e-6, bandwidth: 1.17e9 },
  '100 Gbit/s, 3 us': { latency: 3e-6, bandwidth: 11.5e9 }
}

const table = (title, { shard, rest, parts, bytes, tokens, workers }, shardsFor) => {
  console.log(`\n${title}: ${(bytes / 1e6).toFixed(0)} MB of gradients, ${workers} workers a machine`)
  console.log(['machines', 'shards', ...Object.keys(networks)].map((s) => s.padStart(18)).join(''))
  for (const ranks of [1, 8, 64, 512]) {
    const shards = shardsFor(ranks)
    const cells = Object.values(networks).map((network) => {
      const seconds = stepSeconds({ shards, ranks, workers, shard, rest, parts, network })
      const alone = stepSeconds({ shards, ranks: 1, workers, shard, rest, parts, network })
      const efficiency = alone / seconds / ranks
      return `${Math.round((shards * tokens) / seconds).toLocaleString('en')} (${Math.round(100 * efficiency)} %)`
    })
    console.log([ranks, shards, ...cells].map((s) => String(s).padStart(18)).join(''))
  }
}

const small = stepOf('small', 2, 8)
const base = stepOf('base', 2, 8)
const [smallBytes, baseBytes] = [small, base].map((step) => 4 * parametersOf(step))

const [smallTime, baseTime] = [small, base].map(timelineOf)

const measured = isQuick ? { shard: 0.8, rest: 0.06, multiplier: 'blas' } : await measureStep(small)

const between = (name, options = [], environment = {}) => {
  const rows = onRanks(options, environment)
  console.log(`two ranks, ${name}: an allreduce`)
  for (const { bytes, seconds } of rows)
    console.log(`  ${String(bytes).padStart(9)} bytes  ${(seconds * 1e3).toFixed(3).padStart(9)} ms`)
  if (isQuick) return
  const seconds = onRanks(options, environment, '--step')
  const [least, most] = [rows[0], rows.at(-1)]
  const network = { latency: least.seconds / 2, bandwidth: most.bytes / most.seconds }
  const modelled = stepSeconds({ ...measured, parts: smallTime.parts, shards: 2, ranks: 2, workers: 1, network })
  console.log(`  a step of small in two shards  ${seconds.toFixed(3)} s, by the model ${modelled.toFixed(3)} s`)
}

const overTcp = ['--mca', 'btl', 'tcp,self', '--mca', 'btl_tcp_if_include', 'lo']
between('shared memory')
between('loopback, TCP', overTcp)
const pace = paceLibrary()
if (pace !== undefined)
  for (const [name, rate] of [
    ['10 Gbit/s', 1.25e9],
    ['1 Gbit/s', 1.25e8]
  ])
    between(`TCP of ${name}`, [...overTcp, '-x', 'LD_PRELOAD', '-x', 'PACE'], { LD_PRELOAD: pace, PACE: String(rate) })

console.log(
  `\na shard of small (8 x 128 tokens): gradient ${measured.shard.toFixed(3)} s, sums and update ${measured.rest.toFixed(3)} s ` +
    `(one worker, ${measured.multiplier})`
)

// Base by its arithmetic, at the rate of small.
const ofSmall = { ...measured, parts: smallTime.parts, bytes: smallBytes, tokens: 8 * 128 }
const ofBase = {
  shard: (measured.shard * baseTime.flops) / smallTime.flops,
  parts: baseTime.parts,
  rest: (measured.rest * baseBytes) / smallBytes,
  bytes: baseBytes,
  tokens: 8 * 512
}

for (const workers of [2, 16]) {
  table('small, batch of 128 (16 shards)', { ...ofSmall, workers }, () => 16)
  table('small, a shard for each worker', { ...ofSmall, workers }, (ranks) => ranks * workers)
  table('base, a shard for each worker', { ...ofBase, workers }, (ranks) => ranks * workers)
}
