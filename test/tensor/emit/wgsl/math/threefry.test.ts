import { afterAll, describe, expect } from 'vitest'
import { threefry2x32 } from '../../../../../src/tensor/threefry.js'
import { itOnWebGpu } from '../../../run/multipliers/webgpu.js'
import { evaluator, type Evaluator, type Expression } from '../evaluate.js'

let made: Promise<Evaluator> | undefined

afterAll(async () => (await made)?.release())

const word = (name: 'x' | 'y'): Expression => ({
  operands: ['u32', 'u32', 'u32', 'u32'],
  result: 'u32',
  print: (a, b, c, d) => `pe_threefry(vec2<u32>(${a}, ${b}), vec2<u32>(${c}, ${d})).${name}`
})

// Random123 1.14, tests/kat_vectors, lines "threefry2x32 20".
const published = [
  [0, 0, 0, 0, 0x6b200159, 0x99ba4efe],
  [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7],
  [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, 0xc4923a9c, 0x483df7a0]
]

const random = Array.from({ length: 4096 }, (_, i) =>
  [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f].map((by) => Math.imul(i, by) >>> 0)
)

describe('Threefry in WGSL', () => {
  itOnWebGpu('gives the published words, and those of the definition', async () => {
    made = evaluator()
    const { evaluate } = await made
    const all = [...published, ...random]
    const operands = [0, 1, 2, 3].map((k) => Uint32Array.from(all, (words) => words[k]))
    const [x, y] = await evaluate([word('x'), word('y')], operands)
    published.forEach((words, i) => expect([x[i], y[i]]).toEqual(words.slice(4)))
    all.forEach(([a, b, c, d], i) => expect([x[i], y[i]]).toEqual(threefry2x32([a, b], [c, d])))
  })
})
