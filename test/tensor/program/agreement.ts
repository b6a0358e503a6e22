/**
 * Fused programs held to the reference device, and small ways to make them.
 */

import * as E from 'fp-ts/lib/Either.js'
import { expect } from 'vitest'
import type { Data } from '../../../src/tensor/dtype.js'
import type { FusedLoop, FusedProgram } from '../../../src/tensor/program/fused.js'
import { lower } from '../../../src/tensor/program/lower.js'
import type { Program } from '../../../src/tensor/program/program.js'
import { allocateOutputs } from '../../../src/tensor/run/arrays.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import type { Graph } from './graphs.js'
import { interpret } from './interpret.js'

export const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

export const programOf = ({ inputs, outputs }: Graph): Program =>
  lower(
    outputs.map(({ tensor }, i) => ({ name: String(i), tensor })),
    inputs
  ).program

/** The outputs as the reference device has them, in double precision. */
const truthOf = (graph: Graph): ReadonlyArray<Data> => {
  const program = programOf(graph)
  const out = allocateOutputs(program, 'float64')
  const fed = graph.data.map((d) => (d instanceof Float32Array ? Float64Array.from(d) : d))
  right(right(reference({ floats: 'float64' }).load(program)).run(fed, out)())
  return out
}

/** That outputs are the graph's, each within its own bound. */
export const expectOutputs = (graph: Graph, found: ReadonlyArray<Data>): void =>
  truthOf(graph).forEach((truth, i) => {
    const { error } = graph.outputs[i]
    truth.forEach((x, j) => {
      const y = found[i][j]
      const agrees = Object.is(x, y) || x === y || Math.abs(x - y) <= error
      if (!agrees) expect.fail(`output ${i}[${j}]: ${y} is not ${x} within ${error}`)
    })
  })

/** That a fused program, carried out literally, computes what the graph says. */
export const expectAgreement = (graph: Graph, fused: FusedProgram): void =>
  expectOutputs(graph, interpret(fused, graph.data))

export const loopsOf = ({ kernels }: FusedProgram): ReadonlyArray<FusedLoop> =>
  kernels.flatMap((kernel) => (kernel._tag === 'loop' ? [kernel] : []))
