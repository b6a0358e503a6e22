/** A model that was fine-tuned on one task as the start of another, whichever head it has. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { importTaskModel } from '../../../src/electra/store/models/task-model-files.js'
import type { FloatTensor } from '../../../src/electra/store/models/hf-tensors.js'
import { rightOf } from '../data/right.js'
import { pureElectra } from './cli.js'
import { classes, place, regression, type Place } from './finetune-cases.js'

let there: Place
beforeAll(async () => {
  there = await place()
})
afterAll(() => there.remove())

const run = async (args: ReadonlyArray<string>): Promise<void> => {
  const { code, stderr } = await pureElectra(...args)
  expect(code, stderr).toBe(0)
}

type Tensors = ReadonlyMap<string, FloatTensor['data']>

const modelOf = async (out: string): Promise<Tensors> => {
  const { tensors } = await rightOf(importTaskModel(there.at(out, 'trial-1', 'model')))
  return new Map(tensors.map(({ name, data }) => [name, data]))
}

/** So little that only zeros change. */
const unlearning = ['--learning-rate', '1e-36']

const isBody = (name: string): boolean => name.startsWith('electra.')

/** As values, but what was zero may have moved by as much as nothing. */
const part = (tensors: Tensors, isIn: (name: string) => boolean): ReadonlyMap<string, ReadonlyArray<number>> =>
  new Map(
    [...tensors].flatMap(([name, data]) =>
      isIn(name) ? [[name, [...data].map((x) => (Math.abs(x) < 1e-30 ? 0 : x))] as const] : []
    )
  )

describe.each(['official', 'huggingface'])('a model fine-tuned with the %s head', (head) => {
  it('gives another task its encoder bit for bit, under a head that is drawn', async () => {
    const [first, second, drawn] = ['first', 'second', 'drawn'].map((name) => `${head}-${name}`)
    await run(classes(there, first, '--head', head))
    await run(regression(there, second, '--head', head, '--model', there.at(first, 'trial-1'), ...unlearning))
    await run(regression(there, drawn, '--head', head, '--from-scratch', ...unlearning))
    const [learnt, started, other] = await Promise.all([first, second, drawn].map(modelOf))
    expect(part(started, isBody)).toEqual(part(learnt, isBody))
    expect(part(other, isBody)).not.toEqual(part(learnt, isBody))
    const isHead = (name: string): boolean => !isBody(name)
    expect(part(started, isHead)).toEqual(part(other, isHead))
    expect(part(started, isHead)).not.toEqual(part(learnt, isHead))
  }, 120_000)
})
