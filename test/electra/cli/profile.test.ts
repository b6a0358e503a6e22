import * as E from 'fp-ts/lib/Either.js'
import { expect, it } from 'vitest'
import { profile } from '../../../src/electra/cli/commands/profile.js'
import type { Console } from '../../../src/electra/cli/console.js'
import type { DeviceOptions } from '../../../src/electra/cli/device.js'
import type { Precision } from '../../../src/tensor/run/choose.js'
import { itOnWebGpu, itWithHalves } from '../../tensor/run/multipliers/webgpu.js'

const options = { config: 'nano', vocabSize: 200, batch: 2, rounds: 1, limit: 1, explain: true, seed: 0 }

/** What `profile --explain` says, and the JSON line that it writes. */
const explained = async (on: Pick<DeviceOptions, 'device' | 'matmul'>, precision: Precision = 'float32') => {
  const said: Array<string> = []
  const lines: Array<unknown> = []
  const console: Console = {
    say: (text) => void said.push(text),
    json: (value) => void lines.push(value),
    note: () => undefined,
    isJson: false,
    isInteractive: false
  }
  expect(E.isRight(await profile({ ...options, ...on, precision, relaxedSimd: false }, console)())).toBe(true)
  type Program = {
    readonly name: string
    readonly kernels: ReadonlyArray<string>
    readonly outside: string
    readonly launches?: number
    readonly halves?: { readonly arrays: number; readonly savedBytes: number }
    readonly workingBytes: number
  }
  return { said, ...(lines[0] as { readonly programs: ReadonlyArray<Program>; readonly plannedBytes: number }) }
}

it('--explain shows both programs as formulas of named parameters, and that nothing runs outside compiled code', async () => {
  const { said, programs, plannedBytes } = await explained({ device: 'wasm', matmul: 'own' })
  const [legend, ...others] = said
  const [formulas, memory] = [others.slice(0, -1), others.at(-1)]
  expect(memory).toContain(`${(plannedBytes / 1e6).toFixed(1)} MB planned`)
  // The CPU is not asked for kernels, it computes them.
  expect(memory).not.toMatch(/launches/)
  expect(legend).toMatch(/are inputs, by their paths/)
  expect(formulas.map((text) => text.split('\n')[0])).toEqual(['# gradient of the shard', '# update'])
  for (const text of formulas) expect(text.split('\n').at(-1)).toBe('outside compiled code: nothing')
  expect(formulas[0]).toMatch(/^ {2}\w+ = \w+ @ query\.weight\^T$/m)
  expect(formulas[1]).toMatch(/^ {2}out\.mu = mu \* 0\.9 \+ \w+ \* 0\.1$/m)
  expect(programs.map(({ name, outside }) => ({ name, outside }))).toEqual([
    { name: 'shardGrad', outside: 'outside compiled code: nothing' },
    { name: 'update', outside: 'outside compiled code: nothing' }
  ])
  for (const { kernels } of programs)
    for (const kernel of kernels)
      expect(kernel).toMatch(/^(loop|product|by panels|random bits) .*: \d+ flops, \d+ bytes\n {2}/)
})

it('--explain on the reference device says that it interprets everything', async () => {
  const { programs } = await explained({ device: 'reference', matmul: 'own' })
  for (const { outside } of programs) expect(outside).toMatch(/everything, interpreted/)
})

itOnWebGpu(
  '--explain on a GPU counts launches, and says what gpu.js multiplies and what it leaves, and why',
  async () => {
    const own = await explained({ device: 'webgpu', matmul: 'own' })
    const theirs = await explained({ device: 'webgpu', matmul: 'gpu.js' })
    for (const { said, programs, plannedBytes } of [own, theirs]) {
      expect(programs.every(({ launches }) => launches !== undefined && launches > 0)).toBe(true)
      const [gradient, update] = programs.map(({ launches }) => (launches ?? 0).toLocaleString('en'))
      expect(said.at(-1)).toContain(`launches   ${gradient} (gradient of the shard), ${update} (update)\n`)
      expect(plannedBytes).toBeGreaterThan(Math.max(...programs.map(({ workingBytes }) => workingBytes)))
    }
    expect(own.programs[0].outside).toBe('outside compiled code: nothing')
    const products = theirs.programs[0].kernels.filter((kernel) => kernel.startsWith('product '))
    const taken = products.filter((kernel) => / by gpu\.js: /.test(kernel)).length
    expect(taken).toBeGreaterThan(0)
    const [head] = theirs.programs[0].outside.split('\n')
    expect(head).toMatch(new RegExp(`^outside compiled code: ${taken} of ${products.length} products, by gpu\\.js:`))
  }
)

itWithHalves('--explain in mixed precision says how much is stored as float16, and counts its bytes', async () => {
  const on = { device: 'webgpu', matmul: 'own' } as const
  const [single, mixed] = [await explained(on), await explained(on, 'mixed')]
  expect(single.said.at(-1)).not.toContain('float16')
  const [gradient, update] = mixed.programs
  expect(update.halves).toBeUndefined()
  const { arrays, savedBytes } = gradient.halves ?? { arrays: 0, savedBytes: 0 }
  expect(arrays).toBeGreaterThan(10)
  expect(mixed.said.at(-1)).toContain(
    `float16    ${arrays} arrays in ${savedBytes.toLocaleString('en')} bytes less (gradient of the shard), none (update)\n`
  )
  expect(gradient.workingBytes).toBeLessThan(single.programs[0].workingBytes)
  const bytesOf = ({ kernels }: typeof gradient): number =>
    kernels.reduce((sum, kernel) => sum + Number(/ (\d+) bytes\n/.exec(kernel)?.[1]), 0)
  // Each is written, and read once at least.
  expect(bytesOf(mixed.programs[0])).toBeLessThanOrEqual(bytesOf(single.programs[0]) - 2 * savedBytes)
})
