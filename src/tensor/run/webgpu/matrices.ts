/**
 * Matrices that a subgroup multiplies at once, as tensor cores do: an experiment of WebGPU, so its declarations do not have it yet.
 */

import { matrixUnit, subgroupThreads } from '../../program/gpu/tiles.js'

export const matrixFeature = 'chromium-experimental-subgroup-matrix' as GPUFeatureName

type MatrixConfig = {
  readonly M: number
  readonly N: number
  readonly K: number
  readonly componentType: string
  readonly resultComponentType: string
}

type MatrixInfo = GPUAdapterInfo & { readonly subgroupMatrixConfigs?: Iterable<MatrixConfig> }

/** Whether a device multiplies matrices as `matrixTile` has them: of f16 to f32, in subgroups of the size that it is written for. */
export const hasMatrices = (features: ReadonlySet<string>, info: MatrixInfo): boolean =>
  [matrixFeature, 'shader-f16', 'subgroups'].every((feature) => features.has(feature)) &&
  info.subgroupMinSize === subgroupThreads &&
  info.subgroupMaxSize === subgroupThreads &&
  [...(info.subgroupMatrixConfigs ?? [])].some(
    ({ M, N, K, componentType, resultComponentType }) =>
      [M, N, K].every((extent) => extent === matrixUnit) && componentType === 'f16' && resultComponentType === 'f32'
  )
