/**
 * The arrays that a run is handed, held against what its program asks for.
 */

import * as E from 'fp-ts/lib/Either.js'
import { allocate, arraysOf, type Data, type DType, type FloatWidth } from '../dtype.js'
import { outputSpecs, type Program, type Spec } from '../program/program.js'
import { sizeOf } from '../shape.js'
import { reasonOf } from '../reason.js'
import { isBuffer, type Device, type DeviceBuffer, type DeviceError, type ProgramArray } from './device.js'

const kindOf = (data: ProgramArray, width: FloatWidth): string =>
  isBuffer(data)
    ? expectedKind({ dtype: data.dtype, shape: [data.size] }, width)
    : `${data.constructor.name} of ${data.length}`

const expectedKind = ({ dtype, shape }: Spec, width: FloatWidth): string =>
  `${arraysOf(dtype, width).name} of ${sizeOf(shape)}`

const mismatch = (
  what: string,
  specs: ReadonlyArray<Spec>,
  arrays: ReadonlyArray<ProgramArray>,
  width: FloatWidth
): { readonly found: string; readonly expected: string } | undefined => {
  if (arrays.length !== specs.length)
    return { found: `${arrays.length} ${what}s`, expected: `${specs.length} ${what}s` }
  for (const [i, spec] of specs.entries()) {
    const [found, expected] = [kindOf(arrays[i], width), expectedKind(spec, width)]
    if (found !== expected) return { found: `${what} ${i}: ${found}`, expected }
  }
  return undefined
}

/** Right if the arrays' number, element types and lengths are the program's. */
export const checkArrays = (
  device: string,
  program: Program,
  width: FloatWidth,
  inputs: ReadonlyArray<ProgramArray>,
  outputs: ReadonlyArray<ProgramArray>
): E.Either<DeviceError, void> => {
  const wrong =
    mismatch('input', program.inputs, inputs, width) ?? mismatch('output', outputSpecs(program), outputs, width)
  return wrong === undefined ? E.right(undefined) : E.left({ _tag: 'WrongArrays', device, ...wrong })
}

/** Right if arrays can be copied into buffers: f32 of either width. */
export const checkWritten = (
  device: string,
  buffers: ReadonlyArray<DeviceBuffer>,
  arrays: ReadonlyArray<Data>
): E.Either<DeviceError, void> => {
  const as = (i: number): FloatWidth => (arrays[i] instanceof Float64Array ? 'float64' : 'float32')
  const wrong = (found: string, expected: string): E.Either<DeviceError, never> =>
    E.left({ _tag: 'WrongArrays', device, found, expected })
  if (arrays.length !== buffers.length) return wrong(`${arrays.length} arrays`, `${buffers.length} arrays`)
  const at = arrays.findIndex((data, i) => kindOf(data, as(i)) !== kindOf(buffers[i], as(i)))
  return at < 0 ? E.right(undefined) : wrong(`array ${at}: ${kindOf(arrays[at], as(at))}`, kindOf(buffers[at], as(at)))
}

/** Fresh arrays. Throws what the engine throws where it has not the memory. */
export const allocateArrays = (specs: ReadonlyArray<Spec>, width: FloatWidth): ReadonlyArray<Data> =>
  specs.map(({ dtype, shape }) => allocate(dtype, sizeOf(shape), width))

/** Fresh arrays for a program's outputs. */
export const allocateOutputs = (program: Program, width: FloatWidth): ReadonlyArray<Data> =>
  allocateArrays(outputSpecs(program), width)

/** The same for a device, with a `Left` where the memory is not there. */
export const allocateOutputsOn = (
  device: Pick<Device, 'name' | 'floats'>,
  program: Program
): E.Either<DeviceError, ReadonlyArray<Data>> =>
  E.tryCatch(
    () => allocateOutputs(program, device.floats),
    (thrown) => ({ _tag: 'DeviceFailed', device: device.name, reason: reasonOf(thrown) })
  )

/** The array itself where the device holds its dtype so, else a copy rounded or widened. */
export const asWidth = (data: Data, dtype: DType, width: FloatWidth): Data => {
  if (dtype !== 'f32') return data
  if (width === 'float64') return data instanceof Float64Array ? data : Float64Array.from(data)
  return data instanceof Float32Array ? data : Float32Array.from(data)
}
