import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gelu, layerNorm } from '../../../src/nn/index.js'
import {
  abs,
  add,
  div,
  exp,
  matmul,
  mul,
  permute,
  softmax,
  sub,
  sum,
  transpose,
  type Tensor
} from '../../../src/tensor/index.js'
import type { Contraction } from '../../../src/tensor/program/kernel.js'
import type { Multiplier } from '../../../src/tensor/run/multipliers/multiplier.js'
import { describeKernel, explain, halvesIn } from '../../../src/tensor/program/explain.js'
import { fuse } from '../../../src/tensor/program/fuse.js'
import { readsOfFused, writesOfFused, type FusedProgram } from '../../../src/tensor/program/fused.js'
import type { Program } from '../../../src/tensor/program/program.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { spec, trace } from '../../../src/tensor/program/trace.js'
import type { Device } from '../../../src/tensor/run/device.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { gatherNode, scatterAddNode } from '../../../src/tensor/tensor.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { panelledEverywhere } from './everywhere.js'
import { programOf, right } from './agreement.js'
import { graphs } from './graphs.js'

const own = (): string => 'own'

/** The text in its lines, of a function of a record of tensors and so with names for them. */
const explained = <Inputs>(
  f: (inputs: Inputs) => unknown,
  inputs: Inputs,
  halves?: ReadonlySet<number>
): ReadonlyArray<string> => {
  const { program } = right(trace(f)(inputs))
  return explain({
    program,
    kernels: fuse(schedule(program, wasmLimits), wasmLimits),
    halves,
    limits: wasmLimits,
    multipliedBy: own
  }).split('\n')
}

describe('a program is explained', () => {
  it('by what its kernels compute, how much work that is, and what else would run', () => {
    const f = ({ x, w }: Record<'x' | 'w', Tensor>): Tensor => pipe(x, exp, matmul(w), sum({ axes: 0 }))
    expect(explained(f, { w: spec([8, 2]), x: spec([4, 8]) })).toEqual([
      'loop [i < 32]: 32 flops, 256 bytes',
      '  0.*: x',
      '  b3 = exp(x)',
      'product m 4, n 2, k 8 by own: 128 flops, 224 bytes',
      '  0.*: w',
      '  b4 = b3 @ w',
      'loop [i < 4, j < 2]: 8 flops, 40 bytes',
      '  out[j] += b4',
      'outside compiled code: nothing'
    ])
  })

  it('with half the bytes of what is stored as float16, of each kernel and in all', () => {
    const f = ({ x, w }: Record<'x' | 'w', Tensor>): Tensor => pipe(x, exp, matmul(w), sum({ axes: 0 }))
    const inputs = { w: spec([8, 2]), x: spec([4, 8]) }
    const bytes = (halves?: ReadonlySet<number>): ReadonlyArray<number> =>
      explained(f, inputs, halves)
        .filter((line) => line.endsWith(' bytes'))
        .map((line) => Number(line.split(' ').at(-2)))
    expect(bytes()).toEqual([256, 224, 40])
    // 32 elements of 4 bytes are written by the first and read by the second.
    expect(bytes(new Set([3]))).toEqual([256 - 64, 224 - 64, 40])
    const { program } = right(trace(f)(inputs))
    const kernels = fuse(schedule(program, wasmLimits), wasmLimits)
    expect(halvesIn({ kernels, halves: new Set([3, 4]) })).toEqual({ arrays: 2, savedBytes: 2 * (32 + 8) })
    for (const none of [{ kernels }, { kernels, halves: new Set<number>() }, { kernels: undefined }])
      expect(halvesIn(none)).toBeUndefined()
  })

  it('with a softmax as people write it', () => {
    expect(explained(({ x }) => ({ y: softmax()(x) }), { x: spec([4, 8]) })).toEqual([
      'loop [i < 4, j < 8]: 160 flops, 256 bytes',
      '  0.*: x',
      '  m = max_row(x)',
      '  e = exp(x - m)',
      '  s = sum_row(e)',
      '  out.y = e / s',
      'outside compiled code: nothing'
    ])
  })

  it('with a layer norm as people write it, each of its parameters by name', () => {
    const norm = { bias: spec([8]), weight: spec([8]) }
    const f = ({ x, norm: at }: { readonly x: Tensor; readonly norm: typeof norm }): Tensor =>
      layerNorm({ eps: 1e-12 })(at)(x)
    expect(explained(f, { x: spec([4, 8]), norm }).slice(1, -1)).toEqual([
      '  0.*: x, norm.weight, norm.bias',
      '  s = sum_row(x) / 8',
      '  v = x - s',
      '  s2 = rsqrt(sum_row(v * v) / 8 + 1e-12)',
      '  out = v * s2 * norm.weight[j] + norm.bias[j]'
    ])
  })

  it('with the product before a bias and a gelu, its right side as it lies in memory', () => {
    const dense = { bias: spec([8]), weight: spec([8, 16]) }
    const f = ({ x, dense: at }: { readonly x: Tensor; readonly dense: typeof dense }): Tensor =>
      pipe(x, matmul(transpose(at.weight)), add(at.bias), gelu)
    expect(explained(f, { x: spec([4, 16]), dense })).toEqual([
      'product m 4, n 8, k 16 by own: 1024 flops, 896 bytes',
      '  0.*: x, dense.weight',
      '  b4 = x @ dense.weight^T',
      'loop [i < 4, j < 8]: 192 flops, 288 bytes',
      '  0.*: dense.bias',
      '  v = b4 + dense.bias[j]',
      '  out = (erf(v * 0.7071068) + 1) * 0.5 * v',
      'outside compiled code: nothing'
    ])
  })

  it('with what is looked up in a table, and what is added to one', () => {
    const f = ({ table, ids, updates }: Record<'table' | 'ids' | 'updates', Tensor>) => ({
      found: gatherNode(0, table, ids),
      sums: scatterAddNode(0, [10, 8], ids, updates)
    })
    const text = explained(f, { table: spec([10, 8]), ids: spec([4], 'i32'), updates: spec([4, 8]) })
    expect(text).toContain('  out.found = table[ids[i], j]')
    expect(text).toContain('  out.sums[ids[i], j] += updates')
  })

  it('with the step of an optimiser by what changes in it', () => {
    const path = { layer: { output: { dense: { weight: spec([64]) } } } }
    const leaf = (at: typeof path): Tensor => at.layer.output.dense.weight
    const put = (weight: Tensor): typeof path => ({ layer: { output: { dense: { weight } } } })
    const f = (state: Record<'mu' | 'params', typeof path>): typeof state => {
      const mu = pipe(leaf(state.mu), mul(0.9))
      return { mu: put(mu), params: put(pipe(leaf(state.params), sub(pipe(mu, div(pipe(mu, abs, add(1e-6))))))) }
    }
    expect(explained(f, { mu: path, params: path })).toEqual([
      'loop [i < 64]: 320 flops, 1024 bytes',
      '  0.*.layer.output.dense.weight: mu, params',
      '  *.layer.output.dense.weight: out.mu, out.params',
      '  out.mu = mu * 0.9',
      '  out.params = params - out.mu / (abs(out.mu) + 0.000001)',
      'outside compiled code: nothing'
    ])
  })

  it('with a product that is cut into panels, the order of axes in memory included', () => {
    const f = ({ x }: Record<'x', Tensor>): Tensor => {
      const heads = permute([0, 2, 1, 3])(x)
      return pipe(heads, matmul(transpose(heads)), exp)
    }
    const { program } = right(trace(f)({ x: spec([2, 8, 2, 4]) }))
    const kernels = panelledEverywhere(fuse(schedule(program, wasmLimits), wasmLimits))
    expect(explain({ program, kernels, limits: wasmLimits, multipliedBy: own }).split('\n')).toEqual([
      'by panels of 1: product [a < 2, b < 2] m 8, n 8, k 4 by own; loop [i < 4, j < 64]: 2304 flops, 2048 bytes',
      '  0.*: x',
      '  b2 = x[a, m, b, k] @ x[a, n, b, k], of which one panel is kept',
      '  out = exp(b2)',
      'outside compiled code: nothing'
    ])
  })

  it('by which products a multiplier leaves to the device, and why, each kind once', () => {
    const f = ({ x, w }: Record<'x' | 'w', Tensor>): Tensor =>
      pipe(x, matmul(w), matmul(w), matmul(w), sum({ axes: 0 }))
    const { program } = right(trace(f)({ w: spec([8, 8]), x: spec([4, 8]) }))
    const kernels = fuse(schedule(program, wasmLimits), wasmLimits)
    const outside = (declined?: (contraction: Contraction) => string | undefined): ReadonlyArray<string> =>
      explain({ program, kernels, limits: wasmLimits, multipliedBy: own, declined }).split('\n').slice(-2)
    expect(outside(({ m }) => `gpu.js: found ${m} rows, expected more`)).toEqual([
      'outside compiled code: nothing',
      '  left to the device: 3 of 4 x 8 x 8, as gpu.js: found 4 rows, expected more'
    ])
    expect(outside(() => undefined).at(-1)).toBe('outside compiled code: nothing')
  })

  it('with lines that people can read, a long sum in several', () => {
    const names = Array.from({ length: 30 }, (_, i) => `term${i}`)
    const inputs = Object.fromEntries(names.map((name) => [name, spec([64])]))
    const lines = explained(
      (at: Record<string, Tensor>) => names.map((name) => at[name]).reduce((x, y) => add(y)(x)),
      inputs
    )
    expect(lines.filter((line) => line.length > 140)).toEqual([])
    expect(lines.find((line) => line.startsWith('  out = v'))).toMatch(/^ {2}out = v2 \+ term22 \+ /)
  })
})

describe('a profile row', () => {
  it('has the operations of a kernel on one line, the same whatever its buffers are', () => {
    const row = (f: (x: Tensor) => Tensor): ReadonlyArray<string> =>
      fuse(schedule(right(trace(f)(spec([4, 8]))).program, wasmLimits), wasmLimits).kernels.map(describeKernel)
    expect(row(softmax())).toEqual(['loop [4, 8] max(row) sub exp sum(row) div'])
    expect(row(sum({ axes: 0 }))).toEqual(['loop [4, 8] sum(column)'])
    expect(row((x) => pipe(x, matmul(transpose(x))))).toEqual(['product 4 x 4 x 8'])
  })
})

describe('a device explains', () => {
  const two = ({ x, w }: Record<'x' | 'w', Tensor>) => [pipe(x, matmul(w)), pipe(w, transpose, matmul(w))]
  const { program } = right(trace(two)({ x: spec([32, 16]), w: spec([16, 8]) }))
  const last = (device: Device): string | undefined =>
    explain(right(device.load(program)))
      .split('\n')
      .at(-1)

  /** Takes products of 32 rows. */
  const elsewhere: Multiplier<'sync'> = {
    name: 'elsewhere',
    timing: 'sync',
    takes: ({ m }: Contraction) => m === 32,
    prepare: () => E.right(() => () => E.right(undefined)),
    release: () => Promise.resolve()
  }

  it('that nothing runs outside compiled code where it multiplies for itself', () => {
    expect(last(wasm())).toBe('outside compiled code: nothing')
  })

  it('who multiplies which products', () => {
    const text = explain(right(wasm({ multiplier: elsewhere }).load(program)))
    expect(text).toContain('product m 32, n 8, k 16 by elsewhere: ')
    expect(text).toContain('product m 8, n 8, k 16 by own: ')
    expect(text.split('\n').at(-1)).toBe('outside compiled code: 1 of 2 products, by elsewhere: 1 of 32 x 8 x 16')
  })

  it('that everything is interpreted where it is the reference', () => {
    expect(last(reference({ floats: 'float64' }))).toMatch(/^outside compiled code: everything, interpreted/)
  })
})

describe('the text of any program', () => {
  type Case = { readonly program: Program; readonly kernels: FusedProgram }

  const cases: fc.Arbitrary<Case> = fc.tuple(graphs(40), fc.boolean()).map(([graph, cut]) => {
    const program = programOf(graph)
    const fused = fuse(schedule(program, wasmLimits), wasmLimits)
    return { program, kernels: cut ? panelledEverywhere(fused) : fused }
  })

  const textOf = (found: Case): string =>
    explain({ ...found, limits: wasmLimits, multipliedBy: ({ m }) => (m > 2 ? 'blas' : 'own') })

  /** One for each kernel: what is indented belongs to the line before. */
  const partsOf = (found: Case): ReadonlyArray<string> =>
    textOf(found)
      .split(/\n(?! )/)
      .slice(0, -1)

  /** As the names of `graphs` and `programOf` go. */
  const nameIn = ({ inputs, outputs }: Program, buffer: number): string =>
    buffer < inputs.length
      ? inputs[buffer].name
      : buffer < inputs.length + outputs.length
        ? `out.${outputs[buffer - inputs.length].name}`
        : `b${buffer}`

  it('names every buffer that a kernel writes, on the left of a formula', () => {
    fc.assert(
      fc.property(cases, (found) => {
        const parts = partsOf(found)
        expect(parts).toHaveLength(found.kernels.kernels.length)
        found.kernels.kernels.forEach((kernel, k) => {
          const lefts = [...parts[k].matchAll(/^ {2}([\w.]+)(?:\[.*?\])? (?:\+|max|min)?= /gm)].map(([, left]) => left)
          for (const buffer of writesOfFused(kernel)) expect(lefts).toContain(nameIn(found.program, buffer))
        })
      }),
      { numRuns: 300 }
    )
  })

  it('reads nothing but buffers of the kernel, its axes, and what an earlier line defines', () => {
    fc.assert(
      fc.property(cases, (found) => {
        const parts = partsOf(found)
        found.kernels.kernels.forEach((kernel, k) => {
          const [title, ...lines] = parts[k].split('\n')
          const known = new Set([
            ...readsOfFused(kernel).map((buffer) => nameIn(found.program, buffer)),
            ...[...title.matchAll(/(\w+) < /g)].map(([, axis]) => axis),
            ...(title.includes('product') ? ['m', 'n', 'k', 'T'] : []),
            ...['inf', 'nan', 'true', 'false']
          ])
          for (const line of lines) {
            const parsed = /^ {2}([\w.]+)(\[.*?\])? (?:\+|max|min)?= (.*)$/.exec(
              line.replace(', of which one panel is kept', '')
            )
            if (parsed === null) expect.fail(`no formula: ${line}`)
            const [, left, subscript, right] = parsed
            // What is no call: names, and not the letter in 1e-12.
            const names = `${subscript ?? ''} ${right}`.match(/(?<![\w.])[a-zA-Z_][\w.]*(?![\w.(])/g) ?? []
            expect(names.filter((name) => !known.has(name))).toEqual([])
            known.add(left)
          }
        })
      }),
      { numRuns: 300 }
    )
  })

  it('is made for every program, on lines that can be read, and holds no accident', () => {
    fc.assert(
      fc.property(cases, (found) => {
        const text = textOf(found)
        expect(text).not.toMatch(/undefined|NaN|null|object|Infinity|,,|\[\]|\(\)/)
        expect(text.split('\n').filter((line) => line.length > 160)).toEqual([])
        expect(text.split('(').length).toBe(text.split(')').length)
      }),
      { numRuns: 300 }
    )
  })

  it('is the same for the same program', () => {
    fc.assert(
      fc.property(graphs(40), (graph) => {
        const text = (): string =>
          textOf({ program: programOf(graph), kernels: fuse(schedule(programOf(graph), wasmLimits), wasmLimits) })
        expect(text()).toBe(text())
      })
    )
  })
})
