import { describe, expect, it } from 'vitest'
import { after } from '../../../src/workers/pool/deadline.js'

const untilLate = (seconds: number): Promise<'late'> =>
  new Promise((settle) => {
    after(seconds, () => settle('late'))
  })

describe('a deadline', () => {
  it('passes, unless it is called off', async () => {
    const heard: Array<string> = []
    after(0, () => heard.push('called off'))()
    expect(await untilLate(0.02)).toBe('late')
    expect(heard).toEqual([])
  })

  it('that is further off than a timer can be has not passed at once', async () => {
    const heard: Array<string> = []
    const callOff = after(1e9, () => heard.push('late'))
    await untilLate(0.02)
    callOff()
    expect(heard).toEqual([])
  })

  it('comes after an answer that was there in time, though this thread was too busy to hear it', async () => {
    // From here the timer is looked at before the port is.
    await new Promise((settle) => setImmediate(settle))
    const { port1, port2 } = new MessageChannel()
    const heard: Array<string> = []
    const callOff = after(0.02, () => heard.push('late'))
    const answered = new Promise<void>((settle) => {
      port2.onmessage = () => {
        callOff()
        heard.push('answered')
        settle()
      }
    })
    port1.postMessage('done')
    const until = performance.now() + 60
    while (performance.now() < until);
    await answered
    await untilLate(0)
    port1.close()
    expect(heard).toEqual(['answered'])
  })
})
