import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { operandsOf, variesAlongRow, type FusedLoop, type FusedStep } from '../../../src/tensor/program/fused.js'
import { costOf, keptSteps, passesOf, walks } from '../../../src/tensor/program/passes.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { loops } from './loops.js'
import { rowLoop } from './row-loops.js'

const unary = (fn: 'exp' | 'rsqrt' | 'log', x: number): FusedStep => ({ _tag: 'unary', dtype: 'f32', fn, x })

const softmax = rowLoop(3, 8, ({ load, step, binary, fold, store }) => {
  const x = load()
  const e = step(unary('exp', binary('sub', x, fold('max', x))))
  store(binary('div', e, fold('sum', e)))
})

/** What each pass does, in the numbers of the loop's steps. */
const shown = (loop: FusedLoop): ReadonlyArray<unknown> =>
  passesOf(loop, wasmLimits.costs).map(({ recalls, steps, keeps, folds, stores }) => ({
    recalls: recalls.map(({ step }) => step),
    steps,
    keeps,
    folds,
    stores
  }))

describe('passesOf', () => {
  it('walks the row of a softmax three times, and keeps its exponentials', () => {
    // 0: x, 1: max, 2: x - max, 3: exp, 4: sum, 5: exp / sum
    expect(shown(softmax)).toEqual([
      { recalls: [], steps: [0], keeps: [], folds: [1], stores: [] },
      { recalls: [], steps: [0, 2, 3], keeps: [3], folds: [4], stores: [] },
      { recalls: [3], steps: [5], keeps: [], folds: [], stores: [0] }
    ])
  })

  it('computes what is cheap again: a layer norm keeps nothing', () => {
    const norm = rowLoop(3, 8, ({ load, step, binary, constant, fold, store }) => {
      const x = load()
      const centred = binary('sub', x, binary('mul', fold('sum', x), constant(1 / 8)))
      const variance = binary('mul', fold('sum', binary('mul', centred, centred)), constant(1 / 8))
      store(binary('mul', centred, step(unary('rsqrt', variance))))
    })
    const passes = passesOf(norm, wasmLimits.costs)
    expect(passes.length).toBe(3)
    expect(keptSteps(passes)).toEqual([])
    expect(passes[2].still.map((i) => norm.body[i]._tag)).toEqual(['binary', 'unary'])
  })

  it('reads back what the row stored instead of keeping it', () => {
    const loop = rowLoop(3, 8, ({ load, step, binary, fold, store }) => {
      const e = step(unary('exp', load()))
      store(e)
      store(binary('div', e, fold('sum', e)))
    })
    const passes = passesOf(loop, wasmLimits.costs)
    expect(keptSteps(passes)).toEqual([])
    expect(passes[1].recalls).toEqual([{ step: 1, store: 0 }])
  })

  it('does not walk the row for what is the same along it', () => {
    const loop = rowLoop(3, 8, ({ load, step, fold, storeRow }) => storeRow(step(unary('log', fold('sum', load())))))
    const passes = passesOf(loop, wasmLimits.costs)
    expect(passes.map(walks)).toEqual([true, false])
    expect(passes[1].stillStores).toEqual([0])
  })

  it('leaves out what no store needs', () => {
    const loop = rowLoop(3, 8, ({ load, step, fold, store }) => {
      const x = load()
      fold('max', step(unary('exp', x)))
      store(x)
    })
    expect(shown(loop)).toEqual([{ recalls: [], steps: [0], keeps: [], folds: [], stores: [0] }])
  })

  it('has every value at hand where it is used, on loops nobody chose', () => {
    fc.assert(
      fc.property(loops(), ({ loop }) => {
        const { body, stores } = loop
        const varies = variesAlongRow(loop)
        const known = new Set<number>()
        const kept = new Set<number>()
        const written = new Set<number>()
        for (const pass of passesOf(loop, wasmLimits.costs)) {
          const isAtHand = (step: number): boolean => known.has(step)
          for (const i of pass.still) {
            expect(operandsOf(body[i]).every(isAtHand)).toBe(true)
            known.add(i)
          }
          for (const i of pass.stillStores) expect(isAtHand(stores[i].value)).toBe(true)
          for (const { step, store } of pass.recalls) {
            expect(store === undefined ? kept.has(step) : written.has(store) && stores[store].value === step).toBe(true)
            known.add(step)
          }
          for (const i of pass.steps) {
            expect(operandsOf(body[i]).every(isAtHand)).toBe(true)
            known.add(i)
          }
          for (const i of pass.folds) expect(operandsOf(body[i]).every(isAtHand)).toBe(true)
          for (const i of pass.stores) {
            expect(isAtHand(stores[i].value) && isAtHand(stores[i].scatter?.index ?? stores[i].value)).toBe(true)
          }
          for (const i of pass.keeps) {
            expect(pass.steps).toContain(i)
            kept.add(i)
          }
          pass.stores.forEach((i) => written.add(i))
          // What varies is gone when the walk ends; what it folded is known.
          for (const i of [...known]) if (varies[i]) known.delete(i)
          pass.folds.forEach((i) => known.add(i))
        }
      })
    )
  })

  it('does everything once: stores, folds, and steps that cost much', () => {
    fc.assert(
      fc.property(loops(), ({ loop }) => {
        const passes = passesOf(loop, wasmLimits.costs)
        const stores = passes.flatMap((pass) => [...pass.stores, ...pass.stillStores])
        expect([...stores].sort((a, b) => a - b)).toEqual(loop.stores.map((_, i) => i))
        const folds = passes.flatMap((pass) => pass.folds)
        expect(new Set(folds).size).toBe(folds.length)
        const dear = passes
          .flatMap((pass) => pass.steps)
          .filter((i) => costOf(loop.body[i], loop, wasmLimits.costs) > 6)
        expect(new Set(dear).size).toBe(dear.length)
      })
    )
  })
})
