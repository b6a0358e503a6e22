/**
 * The adapter that is measured: opened with timestamps as fine as it has them, and described.
 */

import * as E from 'fp-ts/lib/Either.js'
import { adapterFacts, adapterWith, showAdapter } from '../../src/tensor/run/multipliers/webgpu-adapter.js'
import { showDeviceError } from '../../src/tensor/run/device.js'
import { openGpu, type Gpu } from '../../src/tensor/run/webgpu/gpu.js'
import type { Table } from './markdown.js'

const limitNames = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension'
] as const

/** As the webgpu device opens it, for mixed precision or not: with timestamps as fine as they are there. Its `gpu` has to be held. */
export const openTimed = async (mixed = false): Promise<Gpu> => {
  const opened = await openGpu({ experiments: mixed })()
  if (E.isLeft(opened)) throw new Error(showDeviceError(opened.left))
  return opened.right
}

export type Described = { readonly name: string; readonly isSoftware: boolean; readonly table: Table }

export const describeAdapter = async (): Promise<Described> => {
  const found = await adapterWith(true)()
  if (E.isLeft(found)) throw new Error(found.left)
  const { adapter, gpu } = found.right
  const facts = adapterFacts(adapter)
  const { info } = adapter
  const rows: ReadonlyArray<readonly [string, string | number]> = [
    ['adapter', showAdapter(facts)],
    ['vendor, architecture, device', [info.vendor, info.architecture, info.device].join(', ')],
    ['subgroups', `${info.subgroupMinSize ?? 'unknown'} to ${info.subgroupMaxSize ?? 'unknown'}`],
    ['features', [...adapter.features].sort().join(', ')],
    ...limitNames.map((name) => [name, adapter.limits[name] ?? 'unknown'] as const),
    ['WebGPU language features', [...(gpu.wgslLanguageFeatures ?? [])].sort().join(', ')],
    ['Node', `${process.version}, ${process.platform} ${process.arch}`]
  ]
  return {
    name: showAdapter(facts),
    isSoftware: facts.isSoftware,
    table: { title: 'Adapter', columns: ['', ''], rows }
  }
}
