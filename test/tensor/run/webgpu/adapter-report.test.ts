import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  adapterReport,
  lacksOf,
  showAdapterReport,
  showBinaryBytes
} from '../../../../src/tensor/run/webgpu/adapter-report.js'

/** WebGPU's own names of the features, with a word that says so of each where it is lacking. */
const features = [
  ['shader-f16', 'f16'],
  ['timestamp-query', 'timestamps'],
  ['subgroups', 'subgroups'],
  ['chromium-experimental-subgroup-matrix', 'subgroup matri']
] as const

const limits = {
  maxStorageBuffersPerShaderStage: 10,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  maxBufferSize: 2 ** 32,
  maxComputeWorkgroupStorageSize: 49_152,
  maxComputeInvocationsPerWorkgroup: 1024
}

const info = { vendor: 'acme', architecture: 'a1', device: 'd', description: 'Acme One' }

const adapterWith = (names: ReadonlyArray<string>, more: object = {}): GPUAdapter =>
  ({ info: { ...info, ...more }, features: new Set([...names, 'depth-clip-control']), limits }) as unknown as GPUAdapter

describe('the report of an adapter', () => {
  it('lacks exactly the features that the adapter does not have', () => {
    fc.assert(
      fc.property(fc.subarray(features.map(([name]) => name)), (names) => {
        const lacks = lacksOf(adapterReport(adapterWith(names)))
        const missing = features.filter(([name]) => !names.includes(name))
        expect(lacks).toHaveLength(missing.length)
        missing.forEach(([, word], i) => expect(lacks[i]).toContain(word))
      })
    )
  })

  it('tells people features and limits, on two lines', () => {
    const shown = (names: ReadonlyArray<string>, more?: object): ReadonlyArray<string> =>
      showAdapterReport(adapterReport(adapterWith(names, more)))
    expect(shown(['shader-f16', 'timestamp-query', 'subgroups'], { subgroupMinSize: 16, subgroupMaxSize: 32 })).toEqual(
      [
        'f16 yes, subgroups of 16 to 32, timestamps yes, subgroup matrix no',
        '10 storage buffers a stage, bindings of 2 GiB, buffers of 4 GiB; workgroups of 1024 with 48 KiB'
      ]
    )
    expect(shown([])[0]).toBe('f16 no, subgroups no, timestamps no, subgroup matrix no')
    expect(shown(['subgroups'])[0]).toMatch(/subgroups yes/)
    expect(shown(['subgroups'], { subgroupMinSize: 4, subgroupMaxSize: 4 })[0]).toMatch(/subgroups of 4,/)
  })

  it('gives bytes in the largest unit that they fill, to a tenth', () => {
    expect([1000, 1024, 16_384, 2 ** 27, 133_693_440, 2 ** 30].map(showBinaryBytes)).toEqual([
      '1000 bytes',
      '1 KiB',
      '16 KiB',
      '128 MiB',
      '127.5 MiB',
      '1 GiB'
    ])
  })
})
