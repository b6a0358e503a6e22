/**
 * How far does training on many machines go? `npm run build && node bench/scaling.mjs`
 *
 * Measures what one rank does (a shard's gradient, sums and update of ELECTRA-Small) and what an allreduce costs between two
 * ranks of this machine, through shared memory and through its loopback interface; then prints what the model of
 * docs/scaling.md makes of these for more ranks and other networks. `--quick` leaves the measurements of the step out and takes
 * those that are written here.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { objectiveOf, pretrainingPrograms, resolveConfig } from '../dist/electra/index.js'
import { acquirePool, acquireRanks, launchOf, prepareStep, showWorkerError } from '../dist/workers/index.js'

const value = (either) => {
  if (E.isLeft(either)) throw new Error('_tag' in either.left ? showWorkerError(either.left) : String(either.left))
  return either.right
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1]

// ------------------------------------------------------------------ one rank of two, started by the launcher

const sizes = [2 ** 10, 2 ** 14, 2 ** 18, 2 ** 20, 2 ** 22, 2 ** 24]

const measureAllreduce = async (launch) => {
  const ranks = value(await acquireRanks(launch)())
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
  if (ranks.rank === 0) console.log(JSON.stringify(rows))
  await ranks.release()
}

const launched = launchOf(process.env)
if (O.isSome(launched)) {
  await measureAllreduce(launched.value)
  process.exit(0)
}

// ------------------------------------------------------------------ what is measured

const between = (name, ...options) => {
  const common = ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none', '-n', '2']
  const ran = spawnSync('mpirun', [...common, ...options, process.execPath, fileURLToPath(import.meta.url)], {
    encoding: 'utf8'
  })
  if (ran.status !== 0) throw new Error(`mpirun: ${ran.error ?? ran.stderr}`)
  const rows = JSON.parse(ran.stdout)
  const [small, large] = [rows[0], rows.at(-1)]
  const [latency, bandwidth] = [small.seconds, large.bytes / large.seconds]
  console.log(`allreduce of two ranks, ${name}`)
  for (const { bytes, seconds } of rows)
    console.log(`  ${String(bytes).padStart(9)} bytes  ${(seconds * 1e3).toFixed(3).padStart(9)} ms`)
  return { latency, bandwidth }
}

const stepOf = (preset, shards, examples) => {
  const config = value(resolveConfig({ extends: preset, batchSize: shards * examples, shards }))
  return value(pretrainingPrograms(config, objectiveOf(config, 30522), 1000)).step
}

const elements = ({ shape }) => shape.reduce((a, b) => a * b, 1)

const parametersOf = ({ reads, update }) => reads.reduce((sum, i) => sum + elements(update.program.inputs[i]), 0)

/** Operations of the products of a shard's gradient. */
const flopsOf = ({ shardGrad: { program } }) => {
  const specOf = (v) =>
    v < program.inputs.length ? program.inputs[v] : program.instructions[v - program.inputs.length]
  const ofProduct = ({ op, inputs, shape }) =>
    op.contract.left.reduce((product, axis) => product * specOf(inputs[0]).shape[axis], 2 * elements({ shape }))
  return program.instructions.reduce((sum, made) => sum + (made.op._tag === 'dot' ? ofProduct(made) : 0), 0)
}

/** Seconds of a shard's gradient, and of its sums and update, with one worker and BLAS. */
const measureStep = async (step) => {
  const choice = { device: 'wasm', matmul: 'auto', floats: 'float32' }
  const pool = value(await acquirePool({ workers: 1, choice })())
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
  const fold = value(await prepareStep(watched, step)())
  const { program, captured } = step.shardGrad
  const shard = program.inputs
    .slice(step.reads.length, program.inputs.length - captured.length)
    .map((spec) =>
      new { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array }[spec.dtype](elements(spec)).fill(1)
    )
  const steps = []
  for (let n = 0; n < 8; n++) {
    runs.length = 0
    value(await fold.step([shard, shard], [Int32Array.of(n)])())
    steps.push([...runs])
  }
  await pool.release()
  const at = (i) => median(steps.slice(2).map((all) => all[i]))
  const rest = steps[0].slice(1).reduce((sum, _, i) => sum + at(i + 1), 0)
  return { shard: at(0) / 2, rest, multiplier: pool.device.multiplier }
}

// ------------------------------------------------------------------ the model

/** Rabenseifner's or the ring, whichever is sooner: both move 2 (R - 1) / R of the bytes through each rank's link. */
const allreduce = (ranks, bytes, { latency, bandwidth }) =>
  ranks === 1 ? 0 : 2 * Math.log2(ranks) * latency + (2 * (ranks - 1) * bytes) / ranks / bandwidth

/** Sums overlap with the exchange of those before them; nothing else does. */
const stepSeconds = ({ shards, ranks, workers, shard, rest, bytes, network }) =>
  Math.ceil(shards / (ranks * workers)) * shard + rest / workers + allreduce(ranks, bytes, network)

const networks = {
  '1 Gbit/s, 50 us': { latency: 50e-6, bandwidth: 0.118e9 },
  '10 Gbit/s, 25 us': { latency: 25e-6, bandwidth: 1.17e9 },
  '100 Gbit/s, 3 us': { latency: 3e-6, bandwidth: 11.5e9 }
}

const table = (title, { shard, rest, bytes, tokens, workers }, shardsFor) => {
  console.log(`\n${title}: ${(bytes / 1e6).toFixed(0)} MB of gradients, ${workers} workers a machine`)
  console.log(['machines', 'shards', ...Object.keys(networks)].map((s) => s.padStart(18)).join(''))
  for (const ranks of [1, 8, 64, 512]) {
    const shards = shardsFor(ranks)
    const cells = Object.values(networks).map((network) => {
      const seconds = stepSeconds({ shards, ranks, workers, shard, rest, bytes, network })
      const alone = stepSeconds({ shards, ranks: 1, workers, shard, rest, bytes, network })
      const efficiency = alone / seconds / ranks
      return `${Math.round((shards * tokens) / seconds).toLocaleString('en')} (${Math.round(100 * efficiency)} %)`
    })
    console.log([ranks, shards, ...cells].map((s) => String(s).padStart(18)).join(''))
  }
}

const small = stepOf('small', 2, 8)
const base = stepOf('base', 2, 8)
const [smallBytes, baseBytes] = [small, base].map((step) => 4 * parametersOf(step))

between('shared memory')
between('loopback, TCP', '--mca', 'btl', 'tcp,self', '--mca', 'btl_tcp_if_include', 'lo')

const measured = process.argv.includes('--quick')
  ? { shard: 0.8, rest: 0.06, multiplier: 'blas' }
  : await measureStep(small)
console.log(
  `\na shard of small (8 x 128 tokens): gradient ${measured.shard.toFixed(3)} s, sums and update ${measured.rest.toFixed(3)} s ` +
    `(one worker, ${measured.multiplier})`
)

// Base by its arithmetic, at the rate of small.
const ofSmall = { ...measured, bytes: smallBytes, tokens: 8 * 128 }
const ofBase = {
  shard: (measured.shard * flopsOf(base)) / flopsOf(small),
  rest: (measured.rest * baseBytes) / smallBytes,
  bytes: baseBytes,
  tokens: 8 * 512
}

for (const workers of [2, 16]) {
  table('small, batch of 128 (16 shards)', { ...ofSmall, workers }, () => 16)
  table('small, a shard for each worker', { ...ofSmall, workers }, (ranks) => ranks * workers)
  table('base, a shard for each worker', { ...ofBase, workers }, (ranks) => ranks * workers)
}
