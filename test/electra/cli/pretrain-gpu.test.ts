/**
 * `pretrain --device webgpu` as processes: killed, interrupted, resumed, and resumed on the CPU; and `verify` there.
 */

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { itOnWebGpu, itWithHalves, itWithoutHalves } from '../../tensor/run/multipliers/webgpu.js'
import { textOf } from '../training/runs.js'
import { expectFailure, jsonLines, pureElectra, start, startWith, type Ran, type Running } from './cli.js'

// A software adapter compiles for longer than it computes.
vi.setConfig({ testTimeout: 900_000, hookTimeout: 600_000 })

let directory = ''
const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

const runArguments = (out: string, ...more: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...['pretrain', '--config', at('nano.json'), '--corpus', at('corpus'), '--out', at(out), '--steps', '24'],
  ...['--checkpoint-every', '4', '--json', ...more]
]

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-gpu-'))
  await writeFile(at('text.txt'), textOf(52))
  // One layer and one shard: fewer shaders to compile.
  const config = { extends: 'nano', model: { layers: 1 }, shards: 1, training: { evaluationBatches: 1 } }
  await writeFile(at('nano.json'), JSON.stringify(config))
  const built = await pureElectra(
    ...['corpus', 'build', '--input', at('text.txt'), '--out', at('corpus'), '--vocab-size', '60']
  )
  expect(built).toMatchObject({ code: 0 })
})
afterAll(() => rm(directory, { recursive: true }))

const reportOf = (ran: Ran) => jsonLines(ran)[0]

const bitsOf = (ran: Ran): object => {
  expect(ran).toMatchObject({ code: 0 })
  const { weightsSha256, optimizerSha256, last, heldOut } = reportOf(ran)
  return { weightsSha256, optimizerSha256, last, heldOut }
}

/** Sends a signal once the running process has said so. */
const signalWhen = ({ child }: Running, said: string, signal: NodeJS.Signals): void => {
  let [heard, isSent] = ['', false]
  child.stderr?.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
    if (isSent || !heard.includes(said)) return
    isSent = true
    child.kill(signal)
  })
}

describe('a run on a GPU', () => {
  itOnWebGpu('that is killed, resumed, interrupted and resumed is the run that was not', async () => {
    const whole = await pureElectra(...runArguments('whole', '--device', 'webgpu'))
    expect(whole.stderr).toContain('1 worker on webgpu')
    expect(reportOf(whole)).toMatchObject({ complete: true, step: 24, device: 'webgpu', multiplier: 'own' })

    const killed = start(...runArguments('killed', '--device', 'webgpu'))
    signalWhen(killed, 'checkpoint-00000004', 'SIGKILL')
    expect(await killed.ended).toMatchObject({ code: null, stdout: '' })
    await cp(at('killed'), at('moved'), { recursive: true })

    // On the device that it had, without naming it.
    const interrupted = start(...runArguments('killed', '--resume'))
    signalWhen(interrupted, 'checkpoint-00000008', 'SIGINT')
    const stopped = await interrupted.ended
    expect(stopped.code).toBe(130)
    expect(stopped.stderr).toContain('Interrupted: finishing the step and saving.')
    const { complete, step, checkpoint } = reportOf(stopped) as { complete: boolean; step: number; checkpoint: string }
    expect(complete).toBe(false)
    expect(step).toBeGreaterThanOrEqual(8)
    expect(step).toBeLessThan(24)
    expect(checkpoint).toBe(at('killed', 'checkpoints', `checkpoint-${String(step).padStart(8, '0')}`))
    expect(bitsOf(await pureElectra(...runArguments('killed', '--resume')))).toEqual(bitsOf(whole))

    const moved = await pureElectra(...runArguments('moved', '--resume', '--device', 'wasm', '--workers', '2'))
    expect(moved).toMatchObject({ code: 0 })
    const where = { multiplier: 'own', ranks: 1, relaxedSimd: false }
    const starts = [
      { ...where, device: 'webgpu', workers: 1, step: 0 },
      { ...where, device: 'wasm', workers: 2, step: expect.any(Number) as number }
    ]
    expect(reportOf(moved)).toMatchObject({ complete: true, step: 24, device: 'wasm', starts })
    expect(JSON.parse(await readFile(at('moved', 'run.json'), 'utf8'))).toMatchObject({ starts })
    const loss = (ran: Ran): number => (reportOf(ran) as { last: { loss: number } }).last.loss
    expect(loss(moved) / loss(whole)).toBeCloseTo(1, 5)
  })

  itWithHalves(
    'in mixed precision that is killed and resumed is the run that was not, and goes on on the CPU',
    async () => {
      const mixed = ['--device', 'webgpu', '--precision', 'mixed', '--steps', '12']
      const whole = await pureElectra(...runArguments('mixed', ...mixed))
      expect(whole.stderr).toContain('1 worker on webgpu, matmul own, mixed precision')
      expect(reportOf(whole)).toMatchObject({ complete: true, step: 12, lossScale: { last: 65536, skipped: 0 } })

      const killed = start(...runArguments('mixed and killed', ...mixed))
      signalWhen(killed, 'checkpoint-00000004', 'SIGKILL')
      expect(await killed.ended).toMatchObject({ code: null, stdout: '' })
      await cp(at('mixed and killed'), at('mixed and moved'), { recursive: true })
      const resumed = ['--resume', '--steps', '12']
      expect(bitsOf(await pureElectra(...runArguments('mixed and killed', ...resumed)))).toEqual(bitsOf(whole))

      const moved = await pureElectra(...runArguments('mixed and moved', ...resumed, '--device', 'wasm'))
      expect(moved.stderr).toContain('the run is in mixed precision, and wasm computes in float32')
      const starts = [{ device: 'webgpu', precision: 'mixed' }, { device: 'wasm' }]
      expect(reportOf(moved)).toMatchObject({ complete: true, step: 12, device: 'wasm', starts })
      expect(bitsOf(moved)).not.toEqual(bitsOf(whole))
      const loss = (ran: Ran): number => (reportOf(ran) as { last: { loss: number } }).last.loss
      expect(loss(moved) / loss(whole)).toBeCloseTo(1, 3)
    }
  )

  itWithoutHalves('is refused in one sentence in mixed precision, where the adapter has no f16', async () => {
    const ran = await pureElectra(...runArguments('refused', '--device', 'webgpu', '--precision', 'mixed'))
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toMatch(
      /^(error: .*\n)*pure-electra: mixed precision is not available: .*shader-f16.*Available here: float32\n$/
    )
  })

  it('is refused in one sentence where there is no adapter', async () => {
    const nowhere = { VK_ICD_FILENAMES: at('none.json'), VK_DRIVER_FILES: at('none.json') }
    const ran = await startWith(nowhere, ...runArguments('refused', '--device', 'webgpu')).ended
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    // Behind what Dawn says of the drivers that it has tried.
    expect(ran.stderr).toMatch(/\npure-electra: webgpu is not available: .*\. Available here: wasm, reference\n$/)
  })

  it('is told what shards are to a GPU', async () => {
    const two = runArguments('refused', '--device', 'webgpu', '--workers', '2', '--set', 'shards=2')
    expect((await pureElectra(...two)).stderr).toMatch(/^2 shards on one GPU: .* --set shards=1 /m)
    const one = runArguments('refused', '--device', 'webgpu', '--workers', '2')
    expect((await pureElectra(...one)).stderr).not.toContain('on one GPU: each')
  })

  it('is refused in one sentence with several workers', async () => {
    const ran = await pureElectra(...runArguments('refused', '--device', 'webgpu', '--workers', '2'))
    expectFailure(ran, 1, /found 2.*expected 1.*one GPU, which one process drives/)
  })
})

describe('verify --device webgpu', () => {
  for (const [fixture, matmul] of [
    ['electra_a', 'own'],
    ['electra_b', 'gpu.js'],
    ['electra_c', 'own'],
    ['electra_c', 'gpu.js']
  ] as const)
    itOnWebGpu(`agrees with ${fixture} on every tensor, multiplied by ${matmul}`, async () => {
      const path = join('test', 'fixtures', `${fixture}.safetensors`)
      const ran = await pureElectra('verify', '--fixture', path, '--json', '--device', 'webgpu', '--matmul', matmul)
      expect(ran).toMatchObject({ code: 0 })
      // Drivers may have something to say.
      expect(ran.stderr).not.toContain('pure-electra')
      const [line] = jsonLines(ran)
      expect(line).toMatchObject({ passes: true, device: 'webgpu', multiplier: matmul, float64: false })
      expect((line.comparisons as ReadonlyArray<unknown>).length).toBeGreaterThan(100)
    })
})
