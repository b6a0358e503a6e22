// The page of `webgpu.browser.test.ts`: the work itself, or a worker that does it, while a timer ticks.
import { trained, verified } from './webgpu.work.mjs'

/** Does work that is told how often a timer has ticked by then. */
const whileTicking = async (work) => {
  let [ticks, isOver] = [0, false]
  const tick = () => {
    ticks++
    if (!isOver) setTimeout(tick)
  }
  setTimeout(tick)
  const done = await work(() => ticks)
  isOver = true
  return { ...done, ticks }
}

globalThis.onPage = ({ fixtures, options }) =>
  whileTicking(async (ticks) => {
    const ticksAt = []
    return {
      verified: await verified(fixtures),
      trained: await trained(options, () => void ticksAt.push(ticks())),
      ticksAt
    }
  })

globalThis.inWorker = (asked) =>
  whileTicking(
    () =>
      new Promise((resolve, reject) => {
        const worker = new Worker('/worker.js', { type: 'module' })
        worker.onerror = reject
        worker.onmessage = ({ data }) => {
          worker.terminate()
          resolve(data)
        }
        worker.postMessage(asked)
      })
  )
