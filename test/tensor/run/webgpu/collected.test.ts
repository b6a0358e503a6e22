/** A process in which a GPU has been given back, and what was made of it is garbage. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { built } from '../../../built.js'

/** Dawn's objects are finalized in any order, and it ended the process where the one from which all come was first. */
const script = `
  const { openGpu } = await import(${JSON.stringify(built('tensor/run/webgpu/gpu.js').href)})
  const collect = async () => {
    for (let i = 0; i < 5; i++) {
      gc()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  let gpu = (await openGpu()()).right
  let device = gpu.device
  let buffer = device.createBuffer({ size: 64, usage: 1 | 8 })
  await gpu.release()
  gpu = undefined
  await collect()
  console.log(buffer.size)
  device = buffer = undefined
  await collect()
  console.log('still here')
`

it('goes on, in whatever order that is collected', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--input-type=module', '-e', script])
  expect(stdout).toBe('64\nstill here\n')
})
