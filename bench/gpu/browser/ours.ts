/**
 * This library on the page's adapter, its products by shaders of its own or by gpu.js: programs of one product, and steps as training
 * takes them.
 */

import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as E from 'fp-ts/lib/Either.js'
import {
  dotGeneral,
  showDeviceError,
  showTensorError,
  spec,
  trace,
  type Device,
  type DeviceError,
  type Tensor
} from '../../../src/tensor/index.js'
import { showAdapter } from '../../../src/tensor/run/multipliers/webgpu-adapter.js'
import { openGpu, type Gpu } from '../../../src/tensor/run/webgpu/gpu.js'
import { webgpuOn } from '../../../src/tensor/run/webgpu/webgpu.js'
import { residentFold } from '../../../src/workers/fold/resident-fold.js'
import type { Library, Multiplying, Operand, Product } from './library.js'
import { steppingOn } from './our-encoder.js'

const orThrow =
  <Failure>(show: (e: Failure) => string) =>
  <A>(result: E.Either<Failure, A>): A => {
    if (E.isLeft(result)) throw new Error(show(result.left))
    return result.right
  }

const sound = orThrow(showDeviceError)

const gotten = async <A>(task: TaskEither<DeviceError, A>): Promise<A> => sound(await task())

const programOf = ({ batch }: Product, left: Operand, right: Operand) => {
  const rank = batch === 1 ? 0 : 1
  const axes = rank === 0 ? [] : [0]
  const contract = {
    left: [left.isTransposed ? rank : rank + 1],
    right: [right.isTransposed ? rank + 1 : rank]
  }
  const traced = trace((a: Tensor, b: Tensor) => dotGeneral({ batch: { left: axes, right: axes }, contract }, b)(a))(
    spec(left.shape),
    spec(right.shape)
  )
  return orThrow(showTensorError)(traced).program
}

const productOn =
  ({ device: { queue } }: Gpu, device: Device<'async'>): Library['product'] =>
  async (product, left, right): Promise<Multiplying> => {
    const program = programOf(product, left, right)
    const { run } = sound(device.load(program))
    const { list, release } = await gotten(
      device.allocate([
        { dtype: 'f32', shape: left.shape },
        { dtype: 'f32', shape: right.shape },
        { dtype: 'f32', shape: [product.batch * product.m * product.n] }
      ])
    )
    const [a, b, out] = list
    await gotten(device.write([a, b], [left.data, right.data]))
    return {
      run: async (times) => {
        for (let i = 0; i < times; i++) await gotten(run([a, b], [out]))
        await queue.onSubmittedWorkDone()
      },
      read: async () => {
        await gotten(run([a, b], [out]))
        return (await gotten(device.read([out])))[0] as Float32Array
      },
      release
    }
  }

export const ours = async (products: 'own' | 'gpu.js'): Promise<Library> => {
  const gpu = await gotten(openGpu())
  const device = await gotten(webgpuOn(gpu, { products }))
  return {
    adapter: showAdapter(gpu.facts),
    product: productOn(gpu, device),
    training: (training) => steppingOn(residentFold(device), training)
  }
}
