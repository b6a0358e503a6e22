/**
 * What the page of `wasm.browser.test.ts` runs: programs on the wasm device, handed in and out as text and bytes.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { allocate, viewOf, type Data, type DType } from '../../src/tensor/dtype.js'
import { outputSpecs } from '../../src/tensor/program/program.js'
import { deserialise } from '../../src/tensor/program/deserialise.js'
import { createMemory } from '../../src/tensor/run/memory/memory.js'
import { wasm } from '../../src/tensor/run/wasm/wasm.js'
import { sizeOf } from '../../src/tensor/shape.js'

export type Bytes = ReadonlyArray<number>

/** A program's text and the bytes of its inputs. */
export type PlainRun = { readonly program: string; readonly inputs: ReadonlyArray<Bytes> }

const orThrow = <L, A>(found: E.Either<L, A>): A => {
  if (E.isLeft(found)) throw new Error(JSON.stringify(found.left))
  return found.right
}

export const bytesOf = ({ buffer, byteOffset, byteLength }: Data): Bytes => [
  ...new Uint8Array(buffer, byteOffset, byteLength)
]

const arrayOf = (dtype: DType, bytes: Bytes): Data => {
  const { buffer } = Uint8Array.from(bytes)
  return viewOf(dtype, buffer, 0, dtype === 'bool' ? bytes.length : bytes.length / 4)
}

/** The bytes of each run's outputs, all on one device, in shared memory or not. */
export const runAll = (runs: ReadonlyArray<PlainRun>, shared: boolean): ReadonlyArray<ReadonlyArray<Bytes>> => {
  const device = wasm({ memory: orThrow(createMemory({ shared })) })
  return runs.map(({ program: text, inputs }) => {
    const program = orThrow(deserialise(text))
    const executable = orThrow(device.load(program))
    const outputs = outputSpecs(program).map(({ dtype, shape }) => allocate(dtype, sizeOf(shape)))
    const fed = inputs.map((bytes, i) => arrayOf(program.inputs[i].dtype, bytes))
    pipe(executable.run(fed, outputs)(), orThrow)
    return outputs.map(bytesOf)
  })
}

/** What the page's global scope offers to the test. */
export type PageApi = { readonly runAll: typeof runAll }

Object.assign(globalThis, { runAll } satisfies PageApi)
