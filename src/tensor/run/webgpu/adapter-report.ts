/**
 * What an adapter offers of what our kernels use, and what it lacks: plain data.
 */

import { adapterFacts, type AdapterFacts } from '../multipliers/webgpu-adapter.js'

export type AdapterReport = AdapterFacts & {
  readonly features: {
    readonly f16: boolean
    readonly timestamps: boolean
    readonly subgroups: boolean
    readonly subgroupMatrix: boolean
  }
  /** Invocations that compute together; 0 where an adapter does not say. */
  readonly subgroupSizes: { readonly least: number; readonly most: number }
  readonly limits: {
    /** Of a shader. */
    readonly storageBuffers: number
    /** Of what a shader sees of a buffer, and of a buffer. */
    readonly bindingBytes: number
    readonly bufferBytes: number
    readonly workgroupBytes: number
    readonly workgroupInvocations: number
  }
}

export const adapterReport = (adapter: GPUAdapter): AdapterReport => {
  const { features, limits, info } = adapter
  const has = (feature: string): boolean => (features as ReadonlySet<string>).has(feature)
  return {
    ...adapterFacts(adapter),
    features: {
      f16: has('shader-f16'),
      timestamps: has('timestamp-query'),
      subgroups: has('subgroups'),
      subgroupMatrix: has('chromium-experimental-subgroup-matrix')
    },
    subgroupSizes: { least: info.subgroupMinSize ?? 0, most: info.subgroupMaxSize ?? 0 },
    limits: {
      storageBuffers: limits.maxStorageBuffersPerShaderStage,
      bindingBytes: limits.maxStorageBufferBindingSize,
      bufferBytes: limits.maxBufferSize,
      workgroupBytes: limits.maxComputeWorkgroupStorageSize,
      workgroupInvocations: limits.maxComputeInvocationsPerWorkgroup
    }
  }
}

/** What each feature is for. */
const features: Readonly<Record<keyof AdapterReport['features'], string>> = {
  f16: 'f16 (half precision, which --precision mixed needs)',
  timestamps: 'timestamps (times of single kernels)',
  subgroups: 'subgroups',
  subgroupMatrix: 'subgroup matrices (tensor cores)'
}

/** The features that an adapter does not have. */
export const lacksOf = ({ features: has }: AdapterReport): ReadonlyArray<string> =>
  (Object.keys(features) as ReadonlyArray<keyof typeof features>).flatMap((name) => (has[name] ? [] : [features[name]]))

const units = [
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10]
] as const

/** `1 GiB`, `127.5 MiB`: to a tenth. */
export const showBinaryBytes = (bytes: number): string => {
  const unit = units.find(([, size]) => bytes >= size)
  return unit === undefined ? `${bytes} bytes` : `${Math.round((10 * bytes) / unit[1]) / 10} ${unit[0]}`
}

const showSubgroups = ({ features, subgroupSizes: { least, most } }: AdapterReport): string => {
  if (!features.subgroups) return 'no'
  if (most === 0) return 'yes'
  return least === most ? `of ${most}` : `of ${least} to ${most}`
}

/** Features, then limits: a line each. */
export const showAdapterReport = (report: AdapterReport): ReadonlyArray<string> => {
  const { features: has, limits } = report
  const word = (is: boolean): string => (is ? 'yes' : 'no')
  return [
    `f16 ${word(has.f16)}, subgroups ${showSubgroups(report)}, timestamps ${word(has.timestamps)}, subgroup matrix ${word(has.subgroupMatrix)}`,
    `${limits.storageBuffers} storage buffers a stage, bindings of ${showBinaryBytes(limits.bindingBytes)}, ` +
      `buffers of ${showBinaryBytes(limits.bufferBytes)}; workgroups of ${limits.workgroupInvocations} with ${showBinaryBytes(limits.workgroupBytes)}`
  ]
}
