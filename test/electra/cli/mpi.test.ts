/**
 * `mpirun -n R pure-electra pretrain`: ranks that are processes, with the MPIs of this machine.
 */

import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeMpi, showWorkerError, type Launch } from '../../../src/workers/index.js'
import { textOf } from '../training/runs.js'
import { jsonLines, pureElectra, startUnder, startWith, type Ran, type Running } from './cli.js'
import { classes, place, type Place } from './finetune-cases.js'

let directory = ''
const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

let tables: Place
/** What one process comes to. */
let alone: ReturnType<typeof reportOf> | undefined

beforeAll(async () => {
  tables = await place()
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-mpi-'))
  await writeFile(at('text.txt'), textOf(52))
  const config = { extends: 'nano', model: { layers: 1 }, batchSize: 16, training: { evaluationBatches: 1 } }
  await writeFile(at('nano.json'), JSON.stringify(config))
  const corpus = ['corpus', 'build', '--input', at('text.txt'), '--out', at('corpus'), '--vocab-size', '60']
  expect(await pureElectra(...corpus)).toMatchObject({ code: 0 })
})
afterAll(() => Promise.all([rm(directory, { recursive: true }), tables.remove()]))

/** `nano` has two shards. */
const pretrain = (out: string, ...more: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...['pretrain', '--config', at('nano.json'), '--corpus', at('corpus'), '--out', at(out)],
  ...['--checkpoint-every', '10', '--matmul', 'own', '--json', ...more]
]

/** What the ranks wrote: launchers add notes of their own. */
const reportsOf = ({ stdout, ...ran }: Ran): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  jsonLines({ ...ran, stdout: (stdout.match(/^\{.*\n/gm) ?? []).join('') })

const reportOf = (ran: Ran) => reportsOf(ran)[0]

/** Waits until the run has said something. */
const hearing = ({ child }: Running, words: string): Promise<void> =>
  new Promise((settle) => {
    let heard = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      heard += chunk.toString()
      if (heard.includes(words)) settle()
    })
  })

/** The processes of the run in `out`, by rank. */
const processesOf = async (out: string): Promise<ReadonlyMap<number, number>> => {
  const found = new Map<number, number>()
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const read = (what: string): Promise<ReadonlyArray<string>> =>
      readFile(`/proc/${pid}/${what}`, 'utf8').then(
        (text) => text.split('\0'),
        () => []
      )
    const [program, ...args] = await read('cmdline')
    const rank = (await read('environ')).flatMap(
      (line) => /^(?:OMPI_COMM_WORLD_RANK|PMI_RANK)=(\d+)$/.exec(line)?.[1] ?? []
    )
    if (program === process.execPath && args.includes(at(out)) && rank.length > 0)
      found.set(Number(rank[0]), Number(pid))
  }
  return found
}

type Launcher = {
  readonly kind: Launch['kind']
  readonly commands: ReadonlyArray<string>
  /** How its `--version` begins to be told from others. */
  readonly mark: RegExp
  readonly own: ReadonlyArray<string>
}

const launchers: Readonly<Record<string, Launcher>> = {
  'Open MPI': {
    kind: 'Open MPI',
    commands: ['mpirun.openmpi', 'mpirun'],
    mark: /Open MPI/,
    own: ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none']
  },
  MPICH: { kind: 'PMI', commands: ['mpirun.mpich', 'mpirun'], mark: /HYDRA/, own: [] }
}

/** The command of a launcher, or why it cannot be used. */
const findLauncher = async ({ kind, commands, mark }: Launcher): Promise<E.Either<string, string>> => {
  const command = commands.find((name) => mark.test(spawnSync(name, ['--version'], { encoding: 'utf8' }).stdout ?? ''))
  if (command === undefined) return E.left(`there is no ${commands[0]}`)
  const library = await describeMpi(kind)()
  return E.isLeft(library) ? E.left(showWorkerError(library.left)) : E.right(command)
}

for (const [name, launcher] of Object.entries(launchers)) {
  const found = await findLauncher(launcher)
  const isSkipped = E.isLeft(found) && process.env.PURE_ELECTRA_REQUIRE_MPI !== '1'
  const why = isSkipped ? ` (skipped: ${found.left})` : ''

  const startRanks = (ranks: number, args: ReadonlyArray<string>): Running => {
    if (E.isLeft(found)) throw new Error(found.left)
    return startUnder([found.right, ...launcher.own, '-n', String(ranks)], ...args)
  }
  const onRanks = (ranks: number, args: ReadonlyArray<string>): Promise<Ran> => startRanks(ranks, args).ended

  describe.skipIf(isSkipped)(`a run on the ranks of ${name}${why}`, () => {
    const out = (run: string): string => `${launcher.kind}-${run}`
    let whole: Ran
    beforeAll(async () => {
      whole = await onRanks(2, pretrain(out('whole'), '--steps', '30'))
    })

    it('is told of by the first, and has the same bits when it is made again', async () => {
      expect(whole).toMatchObject({ code: 0 })
      expect(reportsOf(whole)).toHaveLength(1)
      expect(reportOf(whole)).toMatchObject({ complete: true, step: 30, ranks: 2, workers: 1 })
      expect(whole.stderr.match(/2 ranks of 1 worker on wasm/g)).toHaveLength(1)
      expect(whole.stderr.match(/saved /g)).toHaveLength(3)
      const again = reportOf(await onRanks(2, pretrain(out('again'), '--steps', '30')))
      for (const hash of ['weightsSha256', 'optimizerSha256']) expect(again[hash]).toBe(reportOf(whole)[hash])
    })

    it('ends where one of them is killed with -9, and goes on from its last checkpoint', async () => {
      const running = startRanks(2, pretrain(out('killed'), '--steps', '30'))
      await hearing(running, 'checkpoint-00000010')
      const ranks = await processesOf(out('killed'))
      expect([...ranks.keys()].sort()).toEqual([0, 1])
      process.kill(ranks.get(1) ?? 0, 'SIGKILL')
      const killed = await running.ended
      expect(killed.code).not.toBe(0)
      expect(reportsOf(killed)).toEqual([])
      expect(await processesOf(out('killed'))).toEqual(new Map())
      const resumed = await onRanks(2, pretrain(out('killed'), '--steps', '30', '--resume'))
      expect(reportOf(resumed)).toMatchObject({ step: 30, weightsSha256: reportOf(whole).weightsSha256 })
    })

    it('stops where mpirun is interrupted, and goes on on one rank; stops there, and goes on on two', async () => {
      const args = (...more: ReadonlyArray<string>) => pretrain(out('stopped'), '--steps', '100000', ...more)
      const stop = async (running: Running): Promise<number> => {
        await hearing(running, 'saved ')
        running.child.kill('SIGINT')
        // The code is what mpirun makes of 130 from its ranks: the report tells.
        const stopped = await running.ended
        expect(stopped.stderr.match(/Interrupted: finishing the step and saving/g)).toHaveLength(1)
        expect(reportOf(stopped)).toMatchObject({ complete: false })
        return reportOf(stopped).step as number
      }
      const first = await stop(startRanks(2, args()))
      const second = await stop(startWith({}, ...args('--resume')))
      const third = await stop(startRanks(2, args('--resume')))
      expect([first < second, second < third]).toEqual([true, true])
      expect(await readdir(at(out('stopped'), 'checkpoints'))).toContain(`checkpoint-${String(third).padStart(8, '0')}`)
    })

    it('is refused with code 2 where the shards cannot be divided, and by one of them in one sentence', async () => {
      const ran = await onRanks(3, pretrain(out('odd'), '--steps', '30'))
      expect(ran).toMatchObject({ code: 2, stdout: '' })
      expect(ran.stderr).toContain(
        'pure-electra: rank 0: found 3 ranks, expected a number that divides the 2 shards of a batch'
      )
      expect(ran.stderr.match(/^pure-electra: /gm)).toHaveLength(1)
      expect(await readdir(directory)).not.toContain(out('odd'))
    })

    it('fine-tunes to the bits and numbers of one process, which alone writes', async () => {
      const args = (where: string) => classes(tables, out(where), '--trials', '2', '--matmul', 'own', '--json')
      const together = reportOf(await onRanks(2, args('tuned')))
      alone ??= reportOf(await startWith({}, ...args('alone')).ended)
      const hashes = ({ reports }: typeof together) =>
        (reports as ReadonlyArray<Readonly<Record<string, unknown>>>).map((report) => report.weightsSha256)
      expect(hashes(together)).toEqual(hashes(alone))
      expect(together).toMatchObject({ complete: true, trials: alone.trials, reports: [{ ranks: 2 }, { ranks: 2 }] })
    })

    it('is refused once where it cannot begin', async () => {
      const ran = await onRanks(2, ['pretrain', '--corpus', at('nowhere'), '--out', at(out('none'))])
      expect(ran).toMatchObject({ code: 1, stdout: '' })
      expect(ran.stderr).toMatch(/^pure-electra: rank 0: .*nowhere: found no corpus /m)
      expect(ran.stderr.match(/^pure-electra: /gm)).toHaveLength(1)
    })
  })
}

describe('a process that a launcher has started', () => {
  const launched = { OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_SIZE: '2', PURE_ELECTRA_MPI: 'libabsent.so' }

  it('says so where it has no MPI, and trains nothing alone', async () => {
    const ran = await startWith(launched, ...pretrain('alone', '--steps', '30')).ended
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toMatch(
      /^pure-electra: rank 1: MPI is not available: no MPI library could be loaded: tried libabsent\.so \(.*\)\. Install /
    )
    expect(await readdir(directory)).not.toContain('alone')
  })

  // Descriptor 0 is no socket, and 999 is not open.
  it.each(['0', '999'])(
    'says so where the launcher’s connection has not come through: descriptor %s',
    async (PMI_FD) => {
      const ran = await startWith({ PMI_RANK: '1', PMI_SIZE: '2', PMI_FD }, ...pretrain('cut-off', '--steps', '30'))
        .ended
      expect(ran).toMatchObject({ code: 1, stdout: '' })
      expect(ran.stderr).toMatch(
        new RegExp(
          `^pure-electra: rank 1: the launcher's connection \\(descriptor ${PMI_FD}, of PMI_FD\\) has not reached`
        )
      )
      expect(await readdir(directory)).not.toContain('cut-off')
    }
  )
})
