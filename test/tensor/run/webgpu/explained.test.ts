import { pipe } from 'fp-ts/lib/function.js'
import { expect } from 'vitest'
import { explain, matmul, spec, trace, type Shape, type Tensor } from '../../../../src/tensor/index.js'
import { webgpu } from '../../../../src/tensor/run/webgpu/webgpu.js'
import { right, rightOf } from '../../../electra/data/right.js'
import { itOnWebGpu } from '../multipliers/webgpu.js'

/** Batches of products of which gpu.js can express the first: the second has more of them than WebGPU dispatches along an axis. */
const [few, many]: ReadonlyArray<Shape> = [
  [3, 4, 4],
  [70_000, 4, 4]
]

itOnWebGpu("a product that gpu.js cannot express is the device's own, and the explanation says why", async () => {
  for (const products of ['gpu.js', 'own'] as const) {
    const device = await rightOf(webgpu({ products }))
    const lines = [few, many].map((shape) => {
      const { program } = right(trace((x: Tensor, y: Tensor) => pipe(x, matmul(y)))(spec(shape), spec(shape)))
      return explain(right(device.load(program))).split('\n')
    })
    await device.release()
    const by = lines.map(([title]) => / by ([^:]+): /.exec(title)?.[1])
    expect(by).toEqual([products, 'own'])
    const left = lines.map((all) => all.filter((line) => line.startsWith('  left to the device: ')))
    expect(left.map(({ length }) => length)).toEqual([0, products === 'own' ? 0 : 1])
    if (products === 'gpu.js')
      expect(left[1][0]).toMatch(
        /1 of \[70000\] 4 x 4 x 4, as gpu\.js:webgpu: found .*, expected at most 65535 products/
      )
  }
})
