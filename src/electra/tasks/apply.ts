/**
 * What a fine-tuned model says of rows: its network on a device, a batch at a time.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Params } from '../../nn/index.js'
import { tensor, type Tensor } from '../../tensor/index.js'
import { peek } from '../../tensor/literal.js'
import { attempt } from '../../tensor/program/trace.js'
import type { Device } from '../../tensor/run/device.js'
import { evaluateTask } from '../../tensor/run/evaluate.js'
import type { StepError } from '../../tensor/run/step-error.js'
import type { NamedArrays } from '../training/problem.js'
import { gatherRows, rowsInOrder } from './row-batches.js'
import type { AnyNetwork, Rows } from './task.js'

/** The arrays of all rows as the network's inputs have them: batch n, filled up with rows of zeros. */
const inputsOf = (specs: Readonly<Record<string, Tensor>>, { arrays, count }: Rows, batchSize: number) => {
  const names = Object.keys(specs).filter((name) => name in arrays)
  return (n: number): Readonly<Record<string, Tensor>> =>
    Object.fromEntries(
      names.map((name) => [
        name,
        tensor(gatherRows(arrays[name], count, rowsInOrder(count, batchSize, n)), { shape: specs[name].shape })
      ])
    )
}

/** Array after array of batches as one, without what only filled the last batch up. */
const joined = (batches: ReadonlyArray<NamedArrays>, count: number, batchSize: number): NamedArrays =>
  Object.fromEntries(
    Object.keys(batches[0]).map((name) => {
      const width = batches[0][name].length / batchSize
      const all = new Float32Array(batches.length * batchSize * width)
      batches.forEach((arrays, n) => all.set(arrays[name], n * batchSize * width))
      return [name, all.subarray(0, count * width)]
    })
  )

/** What the network says of every row, in their order. At least one row; without dropout. */
export const predictRows =
  (device: Device, network: AnyNetwork, params: Params, length: number, batchSize = 32) =>
  (rows: Rows): TE.TaskEither<StepError, NamedArrays> => {
    const evaluate = evaluateTask(device)
    const inputsAt = inputsOf(network.batchSpec(batchSize, length), rows, batchSize)
    return pipe(
      Array.from({ length: Math.ceil(rows.count / batchSize) }, (_, n) => n),
      TE.traverseSeqArray((n) =>
        pipe(
          TE.fromEither(attempt(() => network.predict(params, inputsAt(n)))),
          TE.chainW(evaluate),
          TE.map((outputs): NamedArrays =>
            Object.fromEntries(Object.entries(outputs).map(([name, x]) => [name, peek(x)]))
          )
        )
      ),
      TE.map((batches) => joined(batches, rows.count, batchSize))
    )
  }
