/**
 * Tests that need a WebGPU adapter: skipped by name where there is none, failing there when `PURE_ELECTRA_REQUIRE_GPU=1`. Those that need
 * f16 of it are skipped where it has none, whatever is required: software adapters have different features.
 */

import * as E from 'fp-ts/lib/Either.js'
import { it } from 'vitest'
import { adapterWith } from '../../../../src/tensor/run/multipliers/webgpu-adapter.js'

const found = await adapterWith(true)()

const isRequired = process.env.PURE_ELECTRA_REQUIRE_GPU === '1'

export const itOnWebGpu = (name: string, test: () => Promise<void>): void => {
  if (E.isRight(found) || isRequired) it(name, test)
  else it.skip(`${name} (skipped, no WebGPU adapter: ${found.left})`, test)
}

const hasHalves = E.isRight(found) && found.right.adapter.features.has('shader-f16')

export const itWithHalves = (name: string, test: () => Promise<void>): void => {
  if (hasHalves || E.isLeft(found)) itOnWebGpu(name, test)
  else it.skip(`${name} (skipped, the WebGPU adapter has no f16)`, test)
}

/** What is seen only where there is an adapter that has none. */
export const itWithoutHalves = (name: string, test: () => Promise<void>): void => {
  if (E.isRight(found) && !hasHalves) it(name, test)
  else
    it.skip(`${name} (skipped, ${E.isLeft(found) ? 'there is no WebGPU adapter' : 'the WebGPU adapter has f16'})`, test)
}
