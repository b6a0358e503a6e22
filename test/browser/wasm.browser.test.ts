import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serialise } from '../../src/tensor/program/serialise.js'
import { programOf } from '../tensor/program/agreement.js'
import { graphs } from '../tensor/program/graphs.js'
import { hasChromium, openPage } from './page.js'
import { bytesOf, runAll, type PageApi } from './wasm.entry.js'

const isRequired = process.env.PURE_ELECTRA_REQUIRE_GPU === '1'

const title = hasChromium || isRequired ? 'the wasm device in a browser' : 'the wasm device (skipped: no Chromium)'

describe.skipIf(!hasChromium && !isRequired)(title, () => {
  let opened: Awaited<ReturnType<typeof openPage>> | undefined

  beforeAll(async () => {
    opened = await openPage(new URL('./wasm.entry.ts', import.meta.url))
  })

  afterAll(async () => {
    await opened?.close()
  })

  it.each([true, false])(
    'computes random programs as it does in Node, bit for bit (shared memory: %s)',
    async (shared) => {
      const runs = fc
        .sample(graphs(), 100)
        .map((graph) => ({ program: serialise(programOf(graph)), inputs: graph.data.map(bytesOf) }))
      const found = await opened?.page.evaluate(
        ([sent, isShared]) => (globalThis as unknown as PageApi).runAll(sent, isShared),
        [runs, shared] as const
      )
      expect(found).toEqual(runAll(runs, true))
    }
  )
})
