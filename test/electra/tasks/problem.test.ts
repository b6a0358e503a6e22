import * as E from 'fp-ts/lib/Either.js'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hostKey } from '../../../src/tensor/keys.js'
import { evaluate } from '../../../src/tensor/run/evaluate.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { tensor, toTypedArray } from '../../../src/tensor/index.js'
import { placed, predictionsOf } from '../../../src/electra/tasks/problem.js'
import { recipeFor, stepsOf } from '../../../src/electra/tasks/recipe.js'
import { gatherRows, limitedRows, rowOrder, rowsInOrder } from '../../../src/electra/tasks/row-batches.js'

describe('the steps of a recipe', () => {
  it.each([
    ['CoLA', 8551, 3, 804],
    ['SST-2', 67349, 3, 6315],
    ['RTE', 2490, 10, 780],
    ['MRPC, doubled', 2 * 3668, 3, 690],
    ['STS-B, doubled', 2 * 5749, 10, 3600]
  ])('are those of the published code for %s', (_, examples, epochs, steps) => {
    expect(stepsOf(examples, { batchSize: 32, epochs })).toBe(steps)
  })
  it('are chosen by the size, and give way to what is asked for', () => {
    const defaults = { epochs: 3, sequenceLength: 128 }
    expect(recipeFor({ hiddenSize: 256, hiddenDropout: 0.1 }, defaults).learningRate).toBe(3e-4)
    expect(recipeFor({ hiddenSize: 768, hiddenDropout: 0.1 }, defaults)).toMatchObject({
      learningRate: 1e-4,
      layerDecay: 0.8,
      weightDecay: 0.01
    })
    expect(recipeFor({ hiddenSize: 1024, hiddenDropout: 0.1 }, defaults)).toMatchObject({
      learningRate: 5e-5,
      layerDecay: 0.9
    })
    expect(
      recipeFor({ hiddenSize: 256, hiddenDropout: 0.1 }, defaults, { epochs: 7, dropout: undefined })
    ).toMatchObject({
      epochs: 7,
      dropout: 0.1
    })
    expect(recipeFor({ hiddenSize: 256, hiddenDropout: 0 }, defaults).dropout).toBe(0)
  })
  it('cut a batch into equal shards', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), (batchSize) => {
        const { shards } = recipeFor(
          { hiddenSize: 256, hiddenDropout: 0.1 },
          { epochs: 1, sequenceLength: 8 },
          { batchSize }
        )
        expect(batchSize % shards).toBe(0)
      })
    )
  })
})

const sizes = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 }), fc.nat(1000))

describe('the order of rows', () => {
  it('has every row once an epoch, and fills up its last batch with none', () => {
    fc.assert(
      fc.property(sizes, fc.nat(3), ([rows, batch, seed], epoch) => {
        const order = rowOrder(rows, batch, hostKey(seed))
        const perEpoch = Math.ceil(rows / batch)
        const seen = Array.from({ length: perEpoch }, (_, i) => order(epoch * perEpoch + i)).flat()
        expect(seen.length).toBe(perEpoch * batch)
        expect([...seen.slice(0, rows)].sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i))
        expect(seen.slice(rows).every((row) => row === -1)).toBe(true)
      })
    )
  })
  it('is a function of the step, whatever was asked before', () => {
    fc.assert(
      fc.property(sizes, fc.array(fc.nat(60), { maxLength: 8 }), fc.nat(60), ([rows, batch, seed], before, n) => {
        const order = rowOrder(rows, batch, hostKey(seed))
        before.forEach(order)
        expect(order(n)).toEqual(rowOrder(rows, batch, hostKey(seed))(n))
      })
    )
  })
  it('is another one in another epoch', () => {
    const order = rowOrder(32, 32, hostKey(1))
    expect(order(0)).not.toEqual(order(1))
  })
})

describe('rows', () => {
  it('that are none are zeros', () => {
    expect(gatherRows(Int32Array.of(1, 2, 3, 4), 2, [1, -1, 0])).toEqual(Int32Array.of(3, 4, 0, 0, 1, 2))
  })
  it('are limited to the beginning of one order', () => {
    const rows = { count: 20, arrays: { x: Int32Array.from({ length: 20 }, (_, i) => i) } }
    const [few, more] = [limitedRows(rows, 5, hostKey(3)), limitedRows(rows, 9, hostKey(3))]
    expect([...few.arrays.x]).toEqual([...more.arrays.x].slice(0, 5))
    expect(new Set(more.arrays.x).size).toBe(9)
    expect(limitedRows(rows, 20, hostKey(3))).toBe(rows)
  })
})

describe('predictions', () => {
  it('of shards at their places add up to the whole batch', () => {
    const x = [1.5, -2, 3, 4, 5, 1e-30, -7, 8, 9, 10, 11, 12]
    const shards = 3
    const parts = Array.from({ length: shards }, (_, s) => {
      const part = tensor(x.slice(4 * s, 4 * s + 4), { shape: [2, 2] })
      const whole = placed(shards, tensor([s], { shape: [], dtype: 'i32' }))(part)
      expect(whole.shape).toEqual([6, 2])
      const value = evaluate(reference({ floats: 'float32' }))(whole)
      if (E.isLeft(value)) throw new Error(JSON.stringify(value.left))
      return Array.from(toTypedArray(value.right))
    })
    const sum = x.map((_, i) => parts.reduce((total, part) => total + part[i], 0))
    expect(sum).toEqual(Array.from(Float32Array.from(x)))
  })
  it('are cut behind the last row', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 6 }), (rows, batch) => {
        const batches = Array.from({ length: Math.ceil(rows / batch) }, (_, n) => ({
          'predictions.a.b': Float32Array.from(rowsInOrder(rows, batch, n).flatMap((row) => [row, row + 0.5])),
          'metrics.rows': [1]
        }))
        expect(predictionsOf(batches, rows, batch)).toEqual({
          'a.b': Float32Array.from(Array.from({ length: rows }, (_, i) => [i, i + 0.5]).flat())
        })
      })
    )
  })
})
