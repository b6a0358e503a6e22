import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { flopsOf } from '../../../src/tensor/program/cost.js'
import { variesAlongRow, type FusedLoop, type FusedStep } from '../../../src/tensor/program/fused.js'
import { passesOf } from '../../../src/tensor/program/passes.js'
import { sizeOf } from '../../../src/tensor/shape.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { loops } from './loops.js'
import { rowLoop } from './row-loops.js'

const unary = (fn: 'exp' | 'rsqrt', x: number): FusedStep => ({ _tag: 'unary', dtype: 'f32', fn, x })

describe('the operations of a loop', () => {
  it('of a softmax are five an element', () => {
    const softmax = rowLoop(3, 8, ({ load, step, binary, fold, store }) => {
      const x = load()
      const e = step(unary('exp', binary('sub', x, fold('max', x))))
      store(binary('div', e, fold('sum', e)))
    })
    expect(flopsOf(softmax, wasmLimits)).toBe(5 * 3 * 8)
  })

  it('of a layer norm are six an element, as the centre is taken twice, and three a row', () => {
    const norm = rowLoop(3, 8, ({ load, step, binary, constant, fold, store }) => {
      const x = load()
      const centred = binary('sub', x, binary('mul', fold('sum', x), constant(1 / 8)))
      const variance = binary('mul', fold('sum', binary('mul', centred, centred)), constant(1 / 8))
      store(binary('mul', centred, step(unary('rsqrt', variance))))
    })
    expect(flopsOf(norm, wasmLimits)).toBe(6 * 3 * 8 + 3 * 3)
  })

  it('are none for what no store needs', () => {
    const loop = rowLoop(3, 8, ({ load, step, store }) => {
      const x = load()
      step(unary('exp', x))
      store(x)
    })
    expect(flopsOf(loop, wasmLimits)).toBe(0)
  })

  const isArithmetic = ({ _tag }: FusedStep): boolean => _tag === 'unary' || _tag === 'binary' || _tag === 'fold'

  /** Every step that is needed once, where it varies for each element, else for each row. */
  const once = (loop: FusedLoop): number => {
    const varies = variesAlongRow(loop)
    const rows = sizeOf(loop.extents.slice(0, -1))
    const needed = new Set(
      passesOf(loop, wasmLimits.costs).flatMap(({ still, steps, folds }) => [...still, ...steps, ...folds])
    )
    const steps = [...needed].filter((i) => isArithmetic(loop.body[i]))
    const moves = (step: FusedStep, i: number): boolean => varies[i] || (step._tag === 'fold' && varies[step.x])
    const combined = loop.stores
      .filter(({ combine }) => combine !== undefined)
      .map(({ at, scatter, value }) => at.strides.at(-1) !== 0 || scatter !== undefined || varies[value])
    return [...steps.map((i) => moves(loop.body[i], i)), ...combined].reduce(
      (sum, perElement) => sum + (perElement ? sizeOf(loop.extents) : rows),
      0
    )
  }

  it('are those of its steps, once each where a row is walked once, and no fewer where it is walked again', () => {
    fc.assert(
      fc.property(loops(), ({ loop }) => {
        const walked = passesOf(loop, wasmLimits.costs)
        if (walked.length === 1) expect(flopsOf(loop, wasmLimits)).toBe(once(loop))
        else expect(flopsOf(loop, wasmLimits)).toBeGreaterThanOrEqual(once(loop))
      })
    )
  })
})
