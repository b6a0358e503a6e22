// A long training run in a process of its own: a session in this thread, or `pretrain` on another. Prints as JSON what was
// held after some of its steps.
import { held } from './held.mjs'
import { createHash } from 'node:crypto'
import { Session } from 'node:inspector/promises'
import { openCorpus, pretrainingSession, pretrain, resolveConfig } from '../../../../dist/electra/index.js'
import { wasm } from '../../../../dist/tensor/run/wasm/wasm.js'
import { inProcess, pooledFold } from '../../../../dist/workers/index.js'

const { where, corpus, out, totalSteps, every } = JSON.parse(process.argv[2])

const right = (e) => {
  if (e._tag === 'Left') throw new Error(JSON.stringify(e.left))
  return e.right
}

const settings = {
  config: right(resolveConfig({ extends: 'nano' })),
  corpus: right(await openCorpus(corpus)()),
  seed: 1,
  totalSteps
}

/** After the first steps (state stands in two banks by turns, so two make a round) and every so many. */
const isLookedAt = (step) => step === 1 || step === 2 || step % every < 2

/** Calls of functions of the package until the answer is asked for, as `file function`. */
const watchCalls = async () => {
  const dist = new URL('../../../../dist/', import.meta.url).href
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  return async () => {
    const { result } = await session.post('Profiler.takePreciseCoverage')
    session.disconnect()
    return result.flatMap(({ url, functions }) =>
      url.startsWith(dist)
        ? functions
            .filter(({ ranges: [{ count }] }) => count > 0)
            .map(({ functionName }) => `${url.slice(dist.length)} ${functionName}`)
        : []
    )
  }
}

const inThisThread = async () => {
  const device = wasm()
  const pool = inProcess(device)
  let tasks = []
  const run = (jobs) => {
    tasks.push(...jobs.flatMap((job) => (typeof job === 'function' ? job(0) : [job])))
    return pool.run(jobs)
  }
  const session = right(await pretrainingSession(settings)(pooledFold({ ...pool, run }))())
  const memory = right(device.memory())
  const looks = []
  let watched
  let calls = []
  for (let step = 1; step <= totalSteps; step++) {
    tasks = []
    right(await session.step(step - 1)())
    if (step === 1) watched = await watchCalls()
    if (step === 50) calls = await watched()
    if (!isLookedAt(step)) continue
    // Programs, and where everything that they read and write lies.
    const places = createHash('sha256').update(JSON.stringify(tasks)).digest('hex')
    tasks = []
    looks.push({ step, places, ...held(), inUse: memory.inUse(), bytes: memory.wasm.buffer.byteLength })
  }
  return { looks, calls }
}

const onAnother = async () => {
  const channel = new BroadcastChannel('held')
  const [looks, thread] = [[], []]
  channel.onmessage = ({ data }) => thread.push(data)
  const observe = ({ _tag, step }) => {
    // After the last step it might be gone before it answers.
    if (_tag !== 'Stepped' || !isLookedAt(step) || step === totalSteps) return
    looks.push({ step, ...held() })
    channel.postMessage(step)
  }
  right(
    await pretrain({
      ...settings,
      out,
      pool: {
        workers: 1,
        choice: { device: 'wasm', matmul: 'own', floats: 'float32' },
        entry: new URL('soak-thread.mjs', import.meta.url)
      },
      checkpointEvery: totalSteps,
      keepCheckpoints: 1,
      resume: false,
      shouldStop: () => false,
      observe
    })()
  )
  channel.close()
  return { looks, thread }
}

process.stdout.write(JSON.stringify(await { inThisThread, onAnother }[where]()))
