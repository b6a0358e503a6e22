/**
 * Tests that need a WebGPU adapter: skipped by name where there is none, failing there when `PURE_ELECTRA_REQUIRE_GPU=1`.
 */

import * as E from 'fp-ts/lib/Either.js'
import { it } from 'vitest'
import { requestAdapter } from '../../../../src/tensor/run/multipliers/webgpu-adapter.js'

const found = await requestAdapter()

const isRequired = process.env.PURE_ELECTRA_REQUIRE_GPU === '1'

export const itOnWebGpu = (name: string, test: () => Promise<void>): void => {
  if (E.isRight(found) || isRequired) it(name, test)
  else it.skip(`${name} (skipped, no WebGPU adapter: ${found.left})`, test)
}
