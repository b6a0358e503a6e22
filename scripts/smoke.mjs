/** Runs the built package once in plain Node: every public face is imported, and a gradient is computed. */
import * as assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
for (const subpath of Object.keys(exports).filter((name) => !name.endsWith('.json'))) {
  const face = await import(`pure-electra${subpath.slice(1)}`)
  assert.ok(Object.keys(face).length > 0, `${subpath} exports nothing`)
  console.log(`pure-electra${subpath.slice(1)}: ${Object.keys(face).length} names`)
}

const { evaluate, reference, square, sum, tensor, toNested } = await import('pure-electra/tensor')
const { grad } = await import('pure-electra/autodiff')
const slope = grad((x) => sum()(square(x)))
const { right } = evaluate(reference({ floats: 'float32' }))(slope(tensor([1, 2, 3])))
assert.deepEqual(toNested(right), [2, 4, 6])
console.log('the gradient of a sum of squares is right')
