/**
 * One GPU for the tests of a file: opened by the first that needs it, destroyed after the last, without which Node would not end.
 */

import { afterAll } from 'vitest'
import { openGpu, type Gpu } from '../../../../src/tensor/run/webgpu/gpu.js'
import { right } from '../../program/agreement.js'

export const gpuForFile = (): (() => Promise<Gpu>) => {
  let opened: Promise<Gpu> | undefined
  afterAll(async () => {
    await (await opened)?.release()
  })
  return () => (opened ??= openGpu()().then(right))
}
