import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it, vi } from 'vitest'
import type { FloatWidth } from '../../../src/tensor/dtype.js'
import {
  acquire,
  acquireHost,
  deviceNames,
  multiplierNames,
  survey,
  type DeviceChoice,
  type DeviceName,
  type MultiplierName
} from '../../../src/tensor/run/choose.js'
import { attachMemory } from '../../../src/tensor/run/memory/memory.js'
import { itOnWebGpu } from './multipliers/webgpu.js'

const choice = (device: DeviceName, matmul: MultiplierName, floats: FloatWidth = 'float32'): DeviceChoice => ({
  device,
  matmul,
  floats
})

/** What a choice leads to, told by names; the device itself is released. */
const outcome = async (chosen: DeviceChoice): Promise<unknown> => {
  const found = await acquire(chosen)()
  if (E.isLeft(found)) return found.left
  const { name, multiplier, timing, floats } = found.right
  await found.right.release()
  return { name, multiplier, timing, floats }
}

describe('acquire', () => {
  it('gives the device and the multiplier that were asked for', async () => {
    expect(await outcome(choice('wasm', 'own'))).toEqual({
      name: 'wasm',
      multiplier: 'own',
      timing: 'sync',
      floats: 'float32'
    })
    expect(await outcome(choice('wasm', 'gpu.js:webasm'))).toEqual({
      name: 'wasm',
      multiplier: 'gpu.js:webasm',
      timing: 'async',
      floats: 'float32'
    })
    for (const floats of ['float32', 'float64'] as const) {
      expect(await outcome(choice('reference', 'own', floats))).toEqual({
        name: 'reference',
        multiplier: 'own',
        timing: 'sync',
        floats
      })
    }
  })

  it('decides only what is auto, and the device says what it decided', async () => {
    const hasBlas = (await survey()).some(({ name, available }) => name === 'blas' && available)
    expect(await outcome(choice('auto', 'auto'))).toMatchObject({ name: 'wasm', multiplier: hasBlas ? 'blas' : 'own' })
    expect(await outcome(choice('auto', 'auto', 'float64'))).toMatchObject({ name: 'reference', floats: 'float64' })
    expect(await outcome(choice('auto', 'gpu.js:cpu'))).toMatchObject({ name: 'wasm', multiplier: 'gpu.js:cpu' })
  })

  it('takes no other library than the one that was named', async () => {
    vi.stubEnv('PURE_ELECTRA_BLAS', '/nonexistent.so')
    expect(await outcome(choice('auto', 'auto'))).toMatchObject({ _tag: 'DeviceUnavailable', wanted: 'blas' })
    vi.unstubAllEnvs()
  })

  it('gives a device that works in the given memory, or else in one of its own', async () => {
    const lent = attachMemory(new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }))
    for (const chosen of [
      choice('wasm', 'own'),
      choice('wasm', 'gpu.js:cpu'),
      choice('reference', 'own'),
      choice('auto', 'auto', 'float64')
    ]) {
      const [given, own] = await Promise.all([acquireHost(chosen, lent)(), acquireHost(chosen)()])
      if (E.isLeft(given) || E.isLeft(own)) throw new Error('the device was refused')
      for (const [device, is] of [[given.right, true] as const, [own.right, false] as const]) {
        const memory = device.memory()
        if (E.isLeft(memory)) throw new Error('the device has no memory')
        expect(memory.right === lent).toBe(is)
        await device.release()
      }
    }
  })

  itOnWebGpu('takes gpu.js without a mode for gpu.js on WebGPU', async () => {
    expect(await outcome(choice('auto', 'gpu.js'))).toMatchObject({ name: 'wasm', multiplier: 'gpu.js:webgpu' })
  })

  it('refuses what excludes one another: a multiplier for the reference device, float64 on wasm', async () => {
    for (const chosen of [
      choice('reference', 'gpu.js'),
      choice('reference', 'gpu.js:cpu'),
      choice('wasm', 'own', 'float64'),
      choice('wasm', 'auto', 'float64'),
      choice('auto', 'gpu.js:cpu', 'float64')
    ]) {
      expect(await outcome(chosen)).toMatchObject({ _tag: 'Unsupported' })
    }
  })

  it('refuses an adapter for every device but webgpu, which has some', async () => {
    for (const device of ['auto', 'wasm', 'reference'] as const)
      expect(await outcome({ ...choice(device, 'own'), adapter: 0 })).toMatchObject({
        _tag: 'Unsupported',
        device,
        found: 'adapter 0'
      })
  })

  itOnWebGpu('takes each adapter that there is by its number, and says of any other which there are', async () => {
    const count = (await survey()).filter(({ kind }) => kind === 'adapter').length
    for (let adapter = 0; adapter < count; adapter++)
      expect(await outcome({ ...choice('webgpu', 'own'), adapter })).toMatchObject({ name: 'webgpu' })
    const refused = await outcome({ ...choice('webgpu', 'own'), adapter: count })
    expect(refused).toMatchObject({ _tag: 'DeviceUnavailable', wanted: `adapter ${count}` })
    expect((refused as { readonly available: ReadonlyArray<string> }).available).toHaveLength(count)
  })

  it('says of a multiplier that is not here which ones are', async () => {
    expect(await outcome(choice('auto', 'gpu.js:webgl2'))).toMatchObject({
      _tag: 'DeviceUnavailable',
      wanted: 'gpu.js:webgl2',
      available: expect.arrayContaining(['own', 'gpu.js:webasm', 'gpu.js:cpu']) as unknown
    })
  })
})

describe('survey', () => {
  it('lists every device and multiplier that has a name of its own', async () => {
    const found = await survey()
    const named = (kind: 'device' | 'multiplier'): ReadonlyArray<string> =>
      found.filter((row) => row.kind === kind).map(({ name }) => name)
    expect([...named('device')].sort()).toEqual(deviceNames.filter((name) => name !== 'auto').sort())
    expect([...named('multiplier')].sort()).toEqual(
      multiplierNames.filter((name) => name !== 'auto' && name !== 'gpu.js').sort()
    )
  })

  it('says available of exactly what can be acquired, and of the rest why not', async () => {
    for (const { kind, name, available, detail } of await survey()) {
      if (kind === 'adapter') continue
      const chosen = kind === 'device' ? choice(name as DeviceName, 'auto') : choice('wasm', name as MultiplierName)
      const found = await acquire(chosen)()
      expect(E.isRight(found), name).toBe(available)
      expect(detail).not.toBe('')
      if (E.isRight(found)) await found.right.release()
    }
  })

  itOnWebGpu('numbers the adapters from 0, and says of each and of every mode of gpu.js what it lacks', async () => {
    const found = await survey()
    const adapters = found.filter(({ kind }) => kind === 'adapter')
    expect(adapters.map(({ name }) => name)).toEqual(adapters.map((_, i) => String(i)))
    for (const { detail, lacks, report } of adapters) {
      expect(detail).toMatch(/(software|hardware)\)$/)
      expect(report?.limits.storageBuffers).toBeGreaterThanOrEqual(8)
      expect(lacks).toHaveLength(Object.values(report?.features ?? {}).filter((has) => !has).length)
    }
    for (const { name, available, lacks } of found)
      if (name.startsWith('gpu.js:')) expect(lacks !== undefined && lacks.length > 0, name).toBe(available)
    expect(found.find(({ name }) => name === 'gpu.js:webgpu')?.lacks).toEqual(['f16', 'workgroup memory'])
  })

  itOnWebGpu('names the adapter, and says whether it is software', async () => {
    const row = (await survey()).find(({ name }) => name === 'gpu.js:webgpu')
    expect(row).toMatchObject({ available: true, detail: expect.stringMatching(/(software|hardware)\)$/) as unknown })
  })
})
