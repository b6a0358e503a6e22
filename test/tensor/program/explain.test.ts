import { pipe } from 'fp-ts/lib/function.js'
import { expect, it } from 'vitest'
import { exp, matmul, softmax, sum } from '../../../src/tensor/index.js'
import { explainKernels } from '../../../src/tensor/program/explain.js'
import { fuse } from '../../../src/tensor/program/fuse.js'
import { lower } from '../../../src/tensor/program/lower.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { inputNode, type Tensor } from '../../../src/tensor/tensor.js'

const explained = (inputs: ReadonlyArray<Tensor>, tensor: Tensor): ReadonlyArray<string> =>
  explainKernels(fuse(schedule(lower([{ name: 'out', tensor }], inputs).program))).split('\n')

const x = inputNode('x', [4, 8], 'f32')
const w = inputNode('w', [8, 2], 'f32')

it('says of each kernel on one line what it computes, from what, and how much work that is', () => {
  expect(explained([x, w], pipe(x, exp, matmul(w), sum({ axes: 0 })))).toEqual([
    'b3 = loop [32] exp  (b0)  32 flops, 256 bytes',
    'b4 = product 4 x 2 x 8  (b3, b1)  128 flops, 224 bytes',
    'b2 = loop [4, 2] sum(column)  (b4)  8 flops, 40 bytes'
  ])
})

it('names reductions along a row as part of its loop', () => {
  expect(explained([x], softmax()(x))).toEqual([
    'b1 = loop [4, 8] max(row) sub exp sum(row) div  (b0)  160 flops, 256 bytes'
  ])
})
