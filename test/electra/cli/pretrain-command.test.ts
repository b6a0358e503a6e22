/**
 * `pretrain` as processes: killed, interrupted, out of space, resumed; and `predict` on what it trained.
 */

import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { textOf } from '../training/runs.js'
import { expectFailure, jsonLines, pureElectra, pureElectraWithin, start, type Ran, type Running } from './cli.js'

let directory = ''
let whole: Ran
const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

const runArguments = (out: string, ...more: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...['pretrain', '--config', at('nano.json'), '--corpus', at('corpus'), '--out', at(out), '--steps', '60'],
  ...['--checkpoint-every', '10', '--json', ...more]
]

const pretrain = (out: string, ...more: ReadonlyArray<string>): Promise<Ran> =>
  pureElectra(...runArguments(out, ...more))

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-cli-'))
  await writeFile(at('text.txt'), textOf(52))
  // One layer: half the time to make the programs. Large batches: steps that leave time to be interrupted in.
  const config = { extends: 'nano', model: { layers: 1 }, batchSize: 16, training: { evaluationBatches: 1 } }
  await writeFile(at('nano.json'), JSON.stringify(config))
  const built = await pureElectra(
    ...['corpus', 'build', '--input', at('text.txt'), '--out', at('corpus'), '--vocab-size', '60']
  )
  expect(built).toMatchObject({ code: 0 })
  whole = await pretrain('whole')
})
afterAll(() => rm(directory, { recursive: true }))

const reportOf = (ran: Ran) => jsonLines(ran)[0]

/** What the same run must give, however it came to its end. */
const expectSameRun = (ran: Ran): void => {
  expect(ran).toMatchObject({ code: 0 })
  const names = ['weightsSha256', 'optimizerSha256', 'first', 'last', 'heldOut', 'best', 'samples']
  const facts = ({ stdout, ...rest }: Ran) =>
    Object.fromEntries(names.map((name) => [name, reportOf({ stdout, ...rest })[name]]))
  expect(facts(ran)).toEqual(facts(whole))
}

/** Waits until the running process has said so, and sends the signals, once. */
const signalWhen = ({ child }: Running, said: string, ...signals: ReadonlyArray<NodeJS.Signals>): void => {
  let [heard, isSent] = ['', false]
  child.stderr?.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
    if (isSent || !heard.includes(said)) return
    isSent = true
    signals.forEach((signal) => child.kill(signal))
  })
}

const checkpointsIn = (out: string): Promise<ReadonlyArray<string>> => readdir(at(out, 'checkpoints'))

describe('pretrain --flops', () => {
  const sized = (out: string, ...more: ReadonlyArray<string>): Promise<Ran> => {
    const args = runArguments(out, ...more)
    const steps = args.indexOf('--steps')
    return pureElectra(...args.slice(0, steps), ...args.slice(steps + 2))
  }
  type Compute = Readonly<Record<string, { readonly step: number; readonly run: number }>>
  const computeOf = (ran: Ran): Compute => reportOf(ran).compute as Compute

  it('with what a run takes is that run, by every count', async () => {
    const { published, sparse, executed } = computeOf(whole)
    for (const { step, run } of [published, sparse, executed]) expect(Math.round(run / step)).toBe(60)
    expect(sparse.run).toBeLessThan(published.run)
    const again = await sized('counted', '--flops', String(published.run + 0.9 * published.step))
    expect(again.stderr).toMatch(/ operations: 60 steps of \S+ each, by the paper's count\n/)
    expectSameRun(again)
    // Finished: its report is shown, and nothing is computed.
    for (const [counting, { run }] of [['sparse', sparse] as const, ['executed', executed] as const]) {
      const shown = await sized('counted', '--resume', '--flops', String(run), '--flops-accounting', counting)
      expectSameRun(shown)
      expect(computeOf(shown)).toEqual(computeOf(whole))
    }
  })

  it.each([
    [['--flops', '1e3'], /--flops: found 1000, expected \d+ at least: a step, by the paper's count/],
    [['--flops', '1e300'], /--flops: found 1e\+300, which is enough for .* expected 2147483647 steps at most/],
    [['--flops', 'much'], 'Expected a number above 0, as 1e15.'],
    [['--flops', '0'], 'Expected a number above 0, as 1e15.'],
    [['--flops', '1e9', '--steps', '3'], "option '--flops <n>' cannot be used with option '--steps <n>'"],
    [['--flops', '1e9', '--flops-accounting', 'mine'], 'Allowed choices are published, sparse, executed.'],
    [['--flops-accounting', 'sparse'], '--flops-accounting: found sparse without --flops, expected both']
  ])('%j is refused in one sentence', async (args, words) => {
    expectFailure(await sized('refused', ...args), 2, words)
  })
})

describe('pretrain --json', () => {
  it('writes one line, the closing report, and nothing else to standard output', () => {
    expect(whole.code).toBe(0)
    expect(jsonLines(whole)).toHaveLength(1)
    expect(reportOf(whole)).toMatchObject({
      complete: true,
      step: 60,
      totalSteps: 60,
      weightsSha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      optimizerSha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      baselines: { maskedLmLoss: { chance: Math.log(60) } },
      tokensPerSecond: expect.any(Number) as unknown
    })
    const { first, last } = reportOf(whole) as { first: { maskedLmLoss: number }; last: { maskedLmLoss: number } }
    // 60 steps at 1e-3 are enough to learn how often each word comes.
    expect(last.maskedLmLoss).toBeLessThan(first.maskedLmLoss)
    expect(first.maskedLmLoss).toBeCloseTo(Math.log(60), 1)
  })

  it('writes the metrics of every step to a file of JSON lines', async () => {
    const lines = (await readFile(at('whole', 'metrics.jsonl'), 'utf8')).trimEnd().split('\n')
    const steps = lines.map((line) => JSON.parse(line) as { kind: string; step: number })
    expect(steps.filter(({ kind }) => kind === 'step').map(({ step }) => step)).toEqual(
      Array.from({ length: 60 }, (_, i) => i + 1)
    )
    expect(steps.filter(({ kind }) => kind === 'heldOut').map(({ step }) => step)).toEqual([10, 20, 30, 40, 50, 60])
  })
})

describe('a run', () => {
  it('killed with -9 after its third checkpoint and resumed, on more workers, is the run that was not', async () => {
    const running = start(...runArguments('killed'))
    signalWhen(running, 'checkpoint-00000030', 'SIGKILL')
    expect(await running.ended).toMatchObject({ code: null, stdout: '' })
    expect(await checkpointsIn('killed')).not.toContain('checkpoint-00000060')
    expectSameRun(await pretrain('killed', '--resume', '--workers', '2'))
  })

  it.each<readonly [NodeJS.Signals, ...ReadonlyArray<NodeJS.Signals>]>([
    ['SIGINT'],
    ['SIGHUP'],
    ['SIGINT', 'SIGTERM', 'SIGHUP']
  ])(
    'that is interrupted by %s %s %s finishes its step, saves, exits 130, and resumes to the same end',
    async (...signals) => {
      const out = `interrupted-${signals.join('-')}`
      const running = start(...runArguments(out))
      signalWhen(running, 'checkpoint-00000020', ...signals)
      const ran = await running.ended
      expect(ran.code).toBe(130)
      const { complete, step, checkpoint } = reportOf(ran) as { complete: boolean; step: number; checkpoint: string }
      expect(complete).toBe(false)
      expect(step).toBeGreaterThanOrEqual(20)
      expect(checkpoint).toBe(at(out, 'checkpoints', `checkpoint-${String(step).padStart(8, '0')}`))
      expect(ran.stderr).toContain('Interrupted: finishing the step and saving.')
      expectSameRun(await pretrain(out, '--resume'))
    }
  )

  it('whose disk is full says so once, and goes on from the checkpoint before', async () => {
    const stopped = start(...runArguments('full'))
    signalWhen(stopped, 'checkpoint-00000010', 'SIGINT')
    expect((await stopped.ended).code).toBe(130)
    const before = await checkpointsIn('full')
    // More than the metrics have by then, and less than a checkpoint.
    expectFailure(await pureElectraWithin(32, ...runArguments('full', '--resume')), 1, /could not write it: EFBIG/)
    expect(await checkpointsIn('full')).toEqual(before)
    expectSameRun(await pretrain('full', '--resume'))
  })

  it('is refused in one sentence where it cannot be', async () => {
    expectFailure(
      await pretrain('whole'),
      1,
      /whole already holds a run, at step 60: continue with --resume, or choose another --out/
    )
    expectFailure(await pretrain('nothing', '--resume'), 1, /nothing: found no checkpoint to resume from/)
    expectFailure(await pretrain('whole', '--resume', '--seed', '2'), 1, /seed: the checkpoint has 1, this run 2/)
  })
})

describe('what a run is given', () => {
  const withConfig = (config: string) =>
    pureElectra('pretrain', '--config', config, '--corpus', at('corpus'), '--out', at('refused'))

  it('must be a corpus', async () => {
    const on = (corpus: string) => pureElectra('pretrain', '--corpus', corpus, '--out', at('refused'))
    expectFailure(await on(at('nowhere')), 1, /nowhere: found no corpus .*`pure-electra corpus build --input TEXT/)
    await cp(at('corpus'), at('damaged'), { recursive: true })
    for (const name of ['corpus.json', 'vocab.txt', 'tokenizer.json', 'train.bin', 'heldout.bin']) {
      await cp(at('corpus'), at('piped'), { recursive: true })
      await rm(at('piped', name))
      await promisify(execFile)('mkfifo', [at('piped', name)])
      expectFailure(await on(at('piped')), 1, `${name} is damaged: found a named pipe, expected a file`)
      await rm(at('piped'), { recursive: true })
    }
    const bytes = await readFile(at('damaged', 'train.bin'))
    bytes[bytes.length >> 1] ^= 1
    await writeFile(at('damaged', 'train.bin'), bytes)
    expectFailure(await on(at('damaged')), 1, /train\.bin is damaged: found .*; build the corpus again\n$/)
  })

  it('must be a configuration', async () => {
    const file = async (text: string): Promise<string> => {
      await writeFile(at('config.json'), text)
      return at('config.json')
    }
    expectFailure(
      await withConfig(await file('{ "extends": "nano", "batchsize": 8 }')),
      1,
      /batchsize: found an unknown key, expected a known one: the nearest is 'batchSize'/
    )
    expectFailure(await withConfig(await file('{ "extends": ')), 1, /text that is not JSON from line 1, column 14 on/)
    expectFailure(await withConfig('nanoo'), 2, /found neither a preset \(.*nano\) nor a readable file/)
    expectFailure(await withConfig(directory), 2, /found a directory, expected a file/)
    await promisify(execFile)('mkfifo', [at('pipe')])
    expectFailure(await withConfig(at('pipe')), 2, /found a named pipe, expected a file/)
    expectFailure(await withConfig(await file(' '.repeat(2 ** 19))), 2, /found 524288 bytes, expected at most 262144/)
    const unknown = Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`key${i}`, i]))
    const ran = await withConfig(await file(JSON.stringify({ extends: 'nano', ...unknown })))
    expectFailure(ran, 1, /has 9000 problems:\n( {2}key\d: [^\n]*\n){10} {2}and 8990 more\n$/)
    expect(await readdir(directory)).not.toContain('refused')
  })

  it('must be as many threads as there is memory for', async () => {
    const ran = await pretrain('threads', '--workers', '1000000')
    expectFailure(ran, 1, /need 60,000,000 MB for 1000000, 60 MB each before they work; found [\d,]+ MB of memory/)
    expect(ran.stderr).toMatch(/^1,000,000 workers on \d+ cores?: more than run at once\./m)
    expect(await readdir(directory)).not.toContain('threads')
  })

  it('decides on what it runs', async () => {
    const short = (out: string, ...more: ReadonlyArray<string>) =>
      pureElectra('pretrain', '--config', 'nano', '--corpus', at('corpus'), '--out', at(out), '--steps', '2', ...more)
    const gpuJs = await short('gpujs', '--matmul', 'gpu.js:cpu', '--json')
    expect(gpuJs).toMatchObject({ code: 0, stderr: expect.stringContaining('matmul gpu.js:cpu') as unknown })
    const reference = await short('reference', '--device', 'reference', '--json')
    expect(reference).toMatchObject({ code: 0, stderr: expect.stringContaining('on reference') as unknown })
    const lossOf = (ran: Ran): number => (reportOf(ran).first as { maskedLmLoss: number }).maskedLmLoss
    // The first step of both is the same in exact arithmetic; 1e-5 relative is what float32 may make of it.
    expect(Math.abs(lossOf(gpuJs) / lossOf(reference) - 1)).toBeLessThan(1e-5)
    expectFailure(await short('two', '--matmul', 'gpu.js:cpu', '--workers', '2'), 1, /found 2 workers, expected 1: /)
  })
})

describe('predict', () => {
  const sentence = 'The cat sings near the river.'

  it('marks the pieces of a sentence that look replaced, by their places', async () => {
    const ran = await pureElectra('predict', '--model', at('whole'), '--mark', '0.0001', '--json', sentence)
    const [{ tokens, threshold, baseRate, ...rest }, ...more] = jsonLines(ran) as ReadonlyArray<{
      readonly tokens: ReadonlyArray<{ text: string; span: [number, number]; probability: number; isMarked: boolean }>
      readonly threshold: number
      readonly baseRate: number
    }>
    expect([rest, more]).toEqual([{ sentence }, []])
    expect(tokens.map(({ text }) => text).join('')).toBe(sentence.replaceAll(' ', ''))
    for (const { text, span, probability, isMarked } of tokens) {
      expect(sentence.slice(...span)).toBe(text)
      expect(isMarked).toBe(probability >= threshold)
    }
    expect(threshold).toBe(0.0001 * baseRate)
    expect(tokens.some(({ isMarked }) => isMarked)).toBe(true)
  })

  it('shows people the sentence with brackets, and every piece', async () => {
    const { code, stdout } = await pureElectra('predict', '--model', at('whole'), sentence)
    expect(code).toBe(0)
    const [first, ...pieces] = stdout.trimEnd().split('\n')
    expect(first.replaceAll(/[[\]]/g, '')).toBe(sentence)
    expect(pieces.every((line) => /^ {2}[> ] \S+ +\d\.\d{4} {2}x\d+\.\d$/.test(line))).toBe(true)
  })

  it('says which half of a model it was given, if not the one that judges', async () => {
    expectFailure(
      await pureElectra('predict', '--model', at('whole', 'model', 'generator'), sentence),
      1,
      /this is a generator .*, expected a discriminator/
    )
    expectFailure(
      await pureElectra('predict', '--model', at('nowhere'), sentence),
      1,
      /nowhere: found no config\.json, expected a finished run, or a model directory/
    )
  })
})
