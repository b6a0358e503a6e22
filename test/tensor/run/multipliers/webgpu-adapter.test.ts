import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { gpuJs } from '../../../../src/tensor/run/multipliers/gpujs.js'
import {
  adapterFacts,
  requestAdapter,
  requestAdapters,
  showAdapter
} from '../../../../src/tensor/run/multipliers/webgpu-adapter.js'
import { itOnWebGpu } from './webgpu.js'

afterEach(() => {
  vi.doUnmock('webgpu')
  vi.unstubAllGlobals()
})

/** The error of an import that fails, thrown at the package's first use: a mock cannot fail to load. */
const absent = (code: string): void => {
  vi.doMock('webgpu', () => ({
    create: () => {
      throw Object.assign(new Error('not here'), { code })
    }
  }))
}

/** As much of a `GPU` as finding an adapter takes. */
const gpuWith = (adapter: unknown): { readonly gpu: unknown } => ({
  gpu: { requestAdapter: () => Promise.resolve(adapter) }
})

const info = { vendor: 'acme', architecture: 'a1', device: 'd', description: 'Acme One' }

describe('the adapter', () => {
  it("comes from the platform's own navigator.gpu where there is one", async () => {
    const adapter = { info }
    vi.stubGlobal('navigator', gpuWith(adapter))
    expect(await requestAdapter()).toMatchObject(E.right({ adapter }))
  })

  it('is a Left where WebGPU is, but no driver', async () => {
    vi.stubGlobal('navigator', gpuWith(null))
    expect(await requestAdapter()).toMatchObject(E.left(expect.stringContaining('finds no adapter')))
  })

  it('is a Left that names the optional package where that is missing', async () => {
    absent('ERR_MODULE_NOT_FOUND')
    expect(await gpuJs('webgpu')()).toMatchObject(
      E.left({
        _tag: 'DeviceUnavailable',
        wanted: 'gpu.js:webgpu',
        reason: expect.stringContaining('npm install webgpu') as unknown,
        available: expect.arrayContaining(['gpu.js:webasm', 'gpu.js:cpu']) as unknown
      })
    )
  })

  it('is a Left that says why where the package is there and does not load', async () => {
    absent('ERR_DLOPEN_FAILED')
    expect(await requestAdapter()).toMatchObject(E.left(expect.stringContaining('does not load: not here')))
  })

  itOnWebGpu('says whether it is software, and what it is called', async () => {
    const found = await requestAdapter()
    if (E.isLeft(found)) throw new Error(found.left)
    const facts = adapterFacts(found.right.adapter)
    expect(facts.description + facts.architecture).not.toBe('')
    expect(showAdapter(facts)).toMatch(/(software|hardware)\)$/)
  })
})

/** Adapters by the wish that each answers; made anew for each request, as browsers do. */
type Answers = readonly [none: number, fast: number, frugal: number, fallback: number]

const wishOf = (options: GPURequestAdapterOptions): number =>
  options.forceFallbackAdapter === true
    ? 3
    : options.powerPreference === undefined
      ? 0
      : options.powerPreference === 'high-performance'
        ? 1
        : 2

/** Adapters that differ in one word of what they say, whichever; 0 is none. */
const informed = (n: number): unknown =>
  n === 0 ? null : { info: { ...info, [['vendor', 'architecture', 'device', 'description'][n % 4]]: `of ${n}` } }

describe('the adapters', () => {
  it('are all that any wish is answered with, each once, in the order of the wishes, no wish first', async () => {
    const answer = fc.integer({ min: 0, max: 8 })
    await fc.assert(
      fc.asyncProperty(fc.tuple(answer, answer, answer, answer), async (answers: Answers) => {
        const gpu = {
          requestAdapter: (options: GPURequestAdapterOptions = {}) =>
            Promise.resolve(informed(answers[wishOf(options)]))
        }
        vi.stubGlobal('navigator', { gpu })
        const distinct = [...new Set(answers)].filter((n) => n !== 0)
        const [all, first] = [await requestAdapters(), await requestAdapter()]
        if (distinct.length === 0) expect(all).toMatchObject(E.left(expect.stringContaining('finds no adapter')))
        else expect(all).toEqual(E.right(distinct.map((n) => ({ gpu, adapter: informed(n) }))))
        if (answers[0] !== 0 && E.isRight(all) && E.isRight(first)) expect(all.right[0]).toEqual(first.right)
      })
    )
  })

  it('are a Left that says why where a request fails', async () => {
    vi.stubGlobal('navigator', { gpu: { requestAdapter: () => Promise.reject(new Error('broken driver')) } })
    expect(await requestAdapters()).toEqual(E.left('broken driver'))
  })
})

describe('facts of an adapter', () => {
  const facts = (found: object): string => showAdapter(adapterFacts({ info: { ...info, ...found } } as GPUAdapter))

  it('are hardware unless the adapter, or the name of a renderer known to be one, says software', () => {
    expect(facts({ isFallbackAdapter: false })).toBe('Acme One (acme a1, hardware)')
    expect(facts({})).toBe('Acme One (acme a1, hardware)')
    expect(facts({ isFallbackAdapter: true })).toBe('Acme One (acme a1, software)')
    expect(facts({ architecture: 'swiftshader' })).toBe('Acme One (acme swiftshader, software)')
    expect(facts({ description: 'llvmpipe (LLVM 15)' })).toBe('llvmpipe (LLVM 15) (acme a1, software)')
  })

  it('can be empty, as some browsers leave them', () => {
    expect(facts({ vendor: '', architecture: '', description: '' })).toBe('adapter without a name (hardware)')
  })
})
