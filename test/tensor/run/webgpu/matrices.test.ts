import { describe, expect, it } from 'vitest'
import { hasMatrices, matrixFeature } from '../../../../src/tensor/run/webgpu/matrices.js'

const features = [matrixFeature, 'shader-f16', 'subgroups']
const config = { M: 16, N: 16, K: 16, componentType: 'f16', resultComponentType: 'f32' }
const info = { subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs: [{ ...config, M: 8 }, config] }

const has = (change: object = {}, lacking = ''): boolean =>
  hasMatrices(new Set(features.filter((feature) => feature !== lacking)), {
    ...info,
    ...change
  } as unknown as Parameters<typeof hasMatrices>[1])

describe('matrices of subgroups', () => {
  it('are there where an adapter lists the one that is wanted, in subgroups of 32', () => {
    expect(has()).toBe(true)
  })

  it('are not there where a feature, the size or the types are missing', () => {
    expect(features.map((feature) => has({}, feature))).toEqual([false, false, false])
    expect(has({ subgroupMatrixConfigs: undefined })).toBe(false)
    expect(has({ subgroupMinSize: 16 })).toBe(false)
    expect(has({ subgroupMaxSize: 64 })).toBe(false)
    for (const change of [{ M: 8 }, { N: 8 }, { K: 8 }, { componentType: 'f32' }, { resultComponentType: 'f16' }])
      expect(has({ subgroupMatrixConfigs: [{ ...config, ...change }] })).toBe(false)
  })
})
