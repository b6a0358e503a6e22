/**
 * Whether this adapter computes what the reference does, before anything is timed: random programs within bounds derived from their
 * operations, and every number of a golden training step.
 */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { showVerifyError, verify } from '../../src/electra/verify/verify.js'
import { showDeviceError, type Device } from '../../src/tensor/index.js'
import { lower } from '../../src/tensor/program/lower.js'
import { allocateOutputs } from '../../src/tensor/run/arrays.js'
import { reference } from '../../src/tensor/run/reference/reference.js'
import { webgpu, type WebGpuOptions } from '../../src/tensor/run/webgpu/webgpu.js'
import { graphs, type Graph } from '../../test/tensor/program/graphs.js'
import { digits, type Cell, type Table } from './markdown.js'
import { orThrow } from './programs.js'

const float64 = reference({ floats: 'float64' })

const isNear = (v: number, expected: number, error: number): boolean =>
  v === expected || Math.abs(v - expected) <= error || (Number.isNaN(v) && Number.isNaN(expected))

/** Outputs that differ by more than they may, in words. */
const differences = async (
  device: Device<'async'>,
  { inputs, data, outputs }: Graph
): Promise<ReadonlyArray<string>> => {
  const { program } = lower(
    outputs.map(({ tensor }, i) => ({ name: String(i), tensor })),
    inputs
  )
  const [found, expected] = [allocateOutputs(program, 'float32'), allocateOutputs(program, 'float64')]
  const executable = pipe(device.load(program), orThrow(showDeviceError))
  pipe(await executable.run(data, found)(), orThrow(showDeviceError))
  const exact = data.map((array) => (array instanceof Float32Array ? Float64Array.from(array) : array))
  pipe(pipe(float64.load(program), orThrow(showDeviceError)).run(exact, expected)(), orThrow(showDeviceError))
  return outputs.flatMap(({ error }, i) => {
    const at = found[i].findIndex((v, j) => !isNear(v, expected[i][j], error))
    return at < 0 ? [] : [`output ${i}[${at}] is ${found[i][at]}, not ${expected[i][at]} +- ${error}`]
  })
}

const on = async <A>(options: WebGpuOptions, f: (device: Device<'async'>) => Promise<A>): Promise<A> => {
  const device = pipe(await webgpu(options)(), orThrow(showDeviceError))
  try {
    return await f(device)
  } finally {
    await device.release()
  }
}

const randomPrograms = async (count: number, what: string, options: WebGpuOptions): Promise<ReadonlyArray<Cell>> =>
  on(options, async (device) => {
    let wrong: ReadonlyArray<string> = []
    for (const graph of fc.sample(graphs(), { numRuns: count, seed: 13 }))
      wrong = [...wrong, ...(await differences(device, graph))]
    return [
      `${count} random programs${what}`,
      wrong.length === 0 ? 'agree' : `WRONG: ${wrong[0]} (${wrong.length} in all)`
    ]
  })

const goldenStep = async (file: string, products: 'own' | 'gpu.js'): Promise<ReadonlyArray<Cell>> =>
  on({ products }, async (device) => {
    const bytes = readFileSync(file)
    const { comparisons, passes } = pipe(await verify(device)(bytes)(), orThrow(showVerifyError))
    const bad = comparisons.find((comparison) => !comparison.passes)
    return [
      `golden step, products: ${products}`,
      passes ? `${comparisons.length} tensors agree` : `WRONG: ${bad?.name} by ${digits(bad?.relative ?? NaN)}`
    ]
  })

export type ParitySettings = { readonly programs: number; readonly fixture: string }

/** Fails where anything is wrong. gpu.js may be missing: its row says so. */
export const parity = async ({ programs, fixture }: ParitySettings): Promise<Table> => {
  const narrow: WebGpuOptions = {
    limits: (known) => ({ ...known, loops: { ...known.loops, kernelBuffers: 8, joinedBuffers: 8 } })
  }
  const gpuJs = await goldenStep(fixture, 'gpu.js').catch((reason: unknown): ReadonlyArray<Cell> => [
    'golden step, products: gpu.js',
    `not checked: ${String(reason)}`
  ])
  const rows = [
    await randomPrograms(programs, '', {}),
    await randomPrograms(programs, ', 8 buffers a kernel', narrow),
    await goldenStep(fixture, 'own'),
    gpuJs
  ]
  const wrong = rows.find((row) => row.some((cell) => String(cell).includes('WRONG')))
  if (wrong !== undefined) throw new Error(`this adapter computes something else: ${wrong.join(': ')}`)
  return { title: 'Parity', columns: ['', ''], rows }
}
