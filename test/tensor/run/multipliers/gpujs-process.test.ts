/** What only a process of its own can show: that it ends, and what it loads. Runs the built package. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { built } from '../../../built.js'
import { itOnWebGpu } from './webgpu.js'

const node = async (script: string): Promise<string> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', '--input-type=module', '--eval', script],
    {
      timeout: 60_000
    }
  )
  return stdout
}

/**
 * Multiplies 3 by 4 and prints the product; the multiplier stays reachable to the end. What it does not hold on to is
 * collected on the way: Dawn crashes where that is what it computes on.
 */
const multiplying = (backend: string, isReleased: boolean): string => `
  import { gpuJs } from '${built('tensor/run/multipliers/gpujs.js').href}'
  const acquired = await gpuJs('${backend}')()
  if (acquired._tag === 'Left') throw new Error(JSON.stringify(acquired.left))
  globalThis.kept = acquired.right
  const number = { offset: 0, batch: [], row: 1, column: 1 }
  const multiply = kept.prepare({ batch: [], m: 1, n: 1, k: 1, left: number, right: number })
  gc()
  await new Promise((resolve) => setTimeout(resolve, 10))
  gc()
  const out = new Float32Array(1)
  const ran = await multiply.right(Float32Array.of(3), Float32Array.of(4), out)()
  if (ran._tag === 'Left') throw new Error(JSON.stringify(ran.left))
  console.log(out[0], kept.executed()[0])
  ${isReleased ? 'await kept.release()' : ''}
`

describe('a process that multiplied on gpu.js', () => {
  itOnWebGpu('ends by itself once the multiplier is released, even where something still refers to it', async () => {
    expect(await node(multiplying('webgpu', true))).toBe('12 webgpu\n')
  })

  itOnWebGpu('ends by itself when nobody released the multiplier, too', async () => {
    expect(await node(multiplying('webgpu', false))).toBe('12 webgpu\n')
  })

  it('ends by itself on WebAssembly', async () => {
    expect(await node(multiplying('webasm', true))).toBe('12 webasm\n')
  })

  itOnWebGpu('can be a worker thread', async () => {
    const script = `
      import { Worker } from 'node:worker_threads'
      const url = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(multiplying('webgpu', true))}))
      new Worker(url).on('exit', (code) => console.log('exit', code))
    `
    expect(await node(script)).toBe('12 webgpu\nexit 0\n')
  })
})

describe('a process that chooses another multiplier', () => {
  it('does not load gpu.js', async () => {
    const script = `
      import { createRequire } from 'node:module'
      import { acquire } from '${built('tensor/run/choose.js').href}'
      const acquired = await acquire({ device: 'wasm', matmul: 'own', floats: 'float32' })()
      const { cache } = createRequire('${built('tensor/run/choose.js').href}')
      console.log(acquired._tag, Object.keys(cache).filter((path) => path.includes('gpu.js')).length)
    `
    expect(await node(script)).toBe('Right 0\n')
  })
})
