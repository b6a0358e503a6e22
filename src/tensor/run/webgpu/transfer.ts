/**
 * Arrays to the GPU and back.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Data, DType } from '../../dtype.js'
import type { DeviceError } from '../device.js'
import type { Context, Pending } from './context.js'
import { bytesOf, copyWords, wordsOf, type Stored } from './storage.js'
import { mapMode } from './usage.js'

/** Submits copies of what buffers hold then, which lie in arrays when it is done. */
export const readBack = (
  { gpu: { device, refusal, answered }, readback }: Context,
  stored: ReadonlyArray<Stored>,
  dtypes: ReadonlyArray<DType>,
  out: ReadonlyArray<Data>
): TE.TaskEither<DeviceError, Pending> =>
  pipe(
    readback.take(out.map(({ length }) => bytesOf(length))),
    TE.map((staging) => {
      const encoder = device.createCommandEncoder()
      staging.forEach(({ buffer }, i) =>
        encoder.copyBufferToBuffer(stored[i].buffer, stored[i].offset, buffer, 0, bytesOf(out[i].length))
      )
      device.queue.submit([encoder.finish()])
      const mapped = Promise.all(
        staging.map(({ buffer }, i) => buffer.mapAsync(mapMode.read, 0, bytesOf(out[i].length)))
      )
      return pipe(
        TE.tryCatch(async () => {
          await answered(mapped)
          staging.forEach(({ buffer }, i) => {
            copyWords(buffer.getMappedRange(0, bytesOf(out[i].length)), dtypes[i], out[i])
            buffer.unmap()
          })
          readback.giveBack(staging)
        }, refusal),
        TE.orElse((refused) => TE.leftTask<DeviceError, void>(refused))
      )
    })
  )

/** Before anything that is submitted from then on. */
export const upload = ({ gpu: { device } }: Context, { buffer, offset }: Stored, data: Data, dtype: DType): void => {
  if (data.length > 0) device.queue.writeBuffer(buffer, offset, wordsOf(data, dtype))
}
