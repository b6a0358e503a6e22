import { expect, it } from 'vitest'
import { measureLimits } from '../../../src/electra/profile/limits.js'
import { matmul, spec, trace, type Tensor } from '../../../src/tensor/index.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { webgpu } from '../../../src/tensor/run/webgpu/webgpu.js'
import { itOnWebGpu } from '../../tensor/run/multipliers/webgpu.js'
import { right, rightOf } from '../data/right.js'

it('the limits of a machine are measured with memory that is given back', async () => {
  const device = wasm()
  const { flopsPerSecond, bytesPerSecond, n } = await rightOf(measureLimits(device))
  for (const rate of [flopsPerSecond, bytesPerSecond]) {
    expect(rate).toBeGreaterThan(0)
    expect(rate).toBeLessThan(Infinity)
  }
  // Left is what the device works in: as much as a product of that size needs.
  const { program } = right(trace((x: Tensor, y: Tensor) => matmul(y)(x))(spec([n, n]), spec([n, n])))
  expect(right(device.memory()).inUse()).toBe(right(device.load(program)).workingBytes)
})

itOnWebGpu('the limits of a GPU are measured too', async () => {
  const device = await rightOf(webgpu())
  const { flopsPerSecond, bytesPerSecond } = await rightOf(measureLimits(device))
  for (const rate of [flopsPerSecond, bytesPerSecond]) expect(rate > 0 && rate < Infinity).toBe(true)
  await device.release()
})
