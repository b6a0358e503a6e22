import * as E from 'fp-ts/lib/Either.js'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openGpu } from '../../../../src/tensor/run/webgpu/gpu.js'

afterEach(() => vi.unstubAllGlobals())

/** An adapter that gives devices, and says which features each was asked for. */
const adapterCalled = (description: string, asked: Array<ReadonlyArray<string>>) => ({
  info: { vendor: 'acme', architecture: '', device: '', description },
  features: new Set(['timestamp-query', 'shader-f16', 'depth-clip-control']),
  limits: {},
  requestDevice: ({ requiredFeatures }: { readonly requiredFeatures: ReadonlyArray<string> }) => {
    asked.push(requiredFeatures)
    return Promise.resolve({ lost: new Promise(() => undefined), destroy: () => undefined })
  }
})

/** A machine with a card, and a chip that takes less power. */
const stubTwo = (): Array<ReadonlyArray<string>> => {
  const asked: Array<ReadonlyArray<string>> = []
  const requestAdapter = ({ powerPreference }: GPURequestAdapterOptions = {}) =>
    Promise.resolve(adapterCalled(powerPreference === 'low-power' ? 'chip' : 'card', asked))
  vi.stubGlobal('navigator', { gpu: { requestAdapter } })
  return asked
}

const descriptionOf = async (adapter?: number): Promise<string> => {
  const gpu = await openGpu({ adapter })()
  if (E.isLeft(gpu)) throw new Error(JSON.stringify(gpu.left))
  await gpu.right.release()
  return gpu.right.facts.description
}

describe('a GPU', () => {
  it('is opened by its number; without one it is the one that WebGPU prefers', async () => {
    stubTwo()
    expect([await descriptionOf(), await descriptionOf(0), await descriptionOf(1)]).toEqual(['card', 'card', 'chip'])
  })

  it('that is not there is refused, and those that are there are named', async () => {
    stubTwo()
    expect(await openGpu({ adapter: 2 })()).toEqual(
      E.left({
        _tag: 'DeviceUnavailable',
        wanted: 'adapter 2',
        reason: 'WebGPU finds 2, numbered from 0',
        available: ['0 card (acme, hardware)', '1 chip (acme, hardware)']
      })
    )
  })

  it('has the features that kernels use and its adapter has, but for those that are not wanted', async () => {
    const asked = stubTwo()
    await openGpu()()
    await openGpu({ without: ['timestamp-query'] })()
    expect(asked).toEqual([['timestamp-query', 'shader-f16'], ['shader-f16']])
  })
})
