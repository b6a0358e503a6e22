/**
 * What the page of `gpujs.browser.test.ts` runs: products by gpu.js, handed in and out as plain numbers.
 */

import * as E from 'fp-ts/lib/Either.js'
import { showDeviceError, type DeviceError } from '../../src/tensor/run/device.js'
import { gpuJs, type GpuJsMode } from '../../src/tensor/run/multipliers/gpujs.js'
import type { Contraction } from '../../src/tensor/program/kernel.js'

/** A contraction and its operands, as they cross into the page. */
export type PlainCase = {
  readonly contraction: Contraction
  readonly left: ReadonlyArray<number>
  readonly right: ReadonlyArray<number>
  readonly size: number
}

export type Answer = {
  readonly name: string
  readonly runsOn: string
  readonly executed: ReadonlyArray<string>
  readonly products: ReadonlyArray<ReadonlyArray<number>>
}

const orThrow = <A>(found: E.Either<DeviceError, A>): A => {
  if (E.isLeft(found)) throw new Error(showDeviceError(found.left))
  return found.right
}

const multiplyAll = async (mode: GpuJsMode, cases: ReadonlyArray<PlainCase>): Promise<Answer> => {
  const multiplier = orThrow(await gpuJs(mode)())
  const products: Array<ReadonlyArray<number>> = []
  for (const { contraction, left, right, size } of cases) {
    const out = new Float32Array(size).fill(NaN)
    const multiply = orThrow(multiplier.prepare(contraction))
    orThrow(await multiply(Float32Array.from(left), Float32Array.from(right), out)())
    products.push([...out])
  }
  await multiplier.release()
  return { name: multiplier.name, runsOn: multiplier.runsOn, executed: multiplier.executed(), products }
}

/** What the page's global scope offers to the test. */
export type PageApi = { readonly multiplyAll: typeof multiplyAll }

Object.assign(globalThis, { multiplyAll } satisfies PageApi)
