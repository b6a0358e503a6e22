// A pre-training as the command line carries it out, on threads that are lost by plan.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setEnvironmentData } from 'node:worker_threads'
import { consoleOf } from '../../../../dist/electra/cli/console.js'
import { endDespiteThreads } from '../../../../dist/electra/cli/end.js'
import { trainingProgress } from '../../../../dist/electra/cli/progress.js'
import { showRunError } from '../../../../dist/electra/cli/show-error.js'
import { interrupts } from '../../../../dist/electra/cli/signals.js'
import { openCorpus } from '../../../../dist/electra/data/corpus/corpus.js'
import { pretrain } from '../../../../dist/electra/pretraining/pretrain.js'

const { corpus, chaos, plan, fifo, ...settings } = JSON.parse(readFileSync(process.argv[2], 'utf8'))

endDespiteThreads()
execFileSync('mkfifo', ['-m', '600', fifo])
const counters = () => new Int32Array(new SharedArrayBuffer(4 * 64))
const thread = new URL('../../../../dist/workers/pool/thread.js', import.meta.url).href
setEnvironmentData('chaos', { thread, plan, fifo, runs: counters(), deaths: counters() })

const console_ = consoleOf(true)()
const signals = interrupts(console_)()
const opened = await openCorpus(corpus)()
const ended = await pretrain({
  ...settings,
  corpus: opened.right,
  pool: {
    workers: 1,
    choice: { device: 'wasm', matmul: 'own', floats: 'float32' },
    entry: new URL(chaos),
    patience: { taskSeconds: 2, endSeconds: 0.2 }
  },
  shouldStop: signals.isInterrupted,
  observe: trainingProgress(console_, []).observe
})()
signals.release()
if (ended._tag === 'Left') {
  process.stderr.write(showRunError(ended.left))
  process.exitCode = 1
} else {
  const { params: _, ...facts } = ended.right
  console_.json(facts)
  process.exitCode = facts.isComplete ? 0 : 130
}
