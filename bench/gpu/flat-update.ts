/** The update of a step as a resident fold computes it, without a device. */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { alignedTo } from '../../src/tensor/alignment.js'
import type { Lowered } from '../../src/tensor/program/lower.js'
import type { DeviceBuffer, DeviceError } from '../../src/tensor/run/device.js'
import { sizeOf, type Shape } from '../../src/tensor/shape.js'
import { showWorkerError } from '../../src/workers/error.js'
import { arrangementOf } from '../../src/workers/fold/arrangement.js'
import { stepSpecs } from '../../src/workers/fold/step-specs.js'
import { orThrow, type Training } from './programs.js'

const bufferOf = (size: number): DeviceBuffer => ({ _tag: 'DeviceBuffer', dtype: 'f32', size })

/** Blocks as the webgpu device lays them out. */
const blockOf = (shapes: ReadonlyArray<Shape>) => {
  const bytes = shapes.reduce((end, shape) => alignedTo(256)(end + Math.max(4, 4 * sizeOf(shape))), 0)
  const whole = bufferOf(alignedTo(2 ** 14)(bytes) / 4)
  return { whole, list: shapes.map((shape) => bufferOf(sizeOf(shape))), release: () => undefined }
}

/** The update as a resident fold computes it, of joined parameters. */
export const updateOf = async ({ step }: Training): Promise<Lowered> => {
  const specs = pipe(stepSpecs(step), orThrow(showWorkerError))
  const arranged = await arrangementOf(
    {
      allocate: (list) => TE.right<DeviceError, ReturnType<typeof blockOf>>(blockOf(list.map(({ shape }) => shape))),
      allocateBlock: (shapes) => TE.right(blockOf(shapes))
    },
    step,
    specs
  )()
  return pipe(arranged, orThrow(showWorkerError)).update
}
