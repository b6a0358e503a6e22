import { describe, expect, it } from 'vitest'
import type { Ended } from '../../../../src/workers/pool/platform.js'
import { spawn } from '../../../../src/workers/pool/node/spawn.js'

/** A thread that lives until it is told anything, then exits with code 7. */
const entry = new URL(
  'data:text/javascript,import { parentPort } from "node:worker_threads"; parentPort.on("message", () => process.exit(7))'
)

describe('the end of a thread', () => {
  it('is told to whoever waits for it, and not to who has stopped waiting', async () => {
    const thread = spawn(entry)
    const stopped: Array<Ended> = []
    const stopWaiting = thread.onEnd((ended) => stopped.push(ended))
    stopWaiting()
    const ended = await new Promise<Ended>((settle) => {
      thread.onEnd(settle)
      thread.endpoint.postMessage('end', [])
    })
    expect(ended).toEqual({ _tag: 'Exited', code: 7 })
    expect(stopped).toEqual([])
  })

  it('is told at once to who asks after it', async () => {
    const thread = spawn(entry)
    await new Promise<Ended>((settle) => {
      thread.onEnd(settle)
      thread.endpoint.postMessage('end', [])
    })
    const late: Array<Ended> = []
    thread.onEnd((ended) => late.push(ended))
    expect(late).toEqual([{ _tag: 'Exited', code: 7 }])
  })
})
