/** Every head at the sizes of test/fixtures/task-heads/heads.safetensors, with its batch, parameters and golden gradients. */

import { readFileSync } from 'node:fs'
import { independentSpans, jointSpans } from '../../../../src/electra/tasks/heads/span.js'
import { sentenceClassifier, sentenceRegressor } from '../../../../src/electra/tasks/heads/sentence.js'
import { tagger } from '../../../../src/electra/tasks/heads/tagging.js'
import type { HeadKind } from '../../../../src/electra/store/models/hf-task-config.js'
import type { TaskNetwork } from '../../../../src/electra/tasks/heads/task-network.js'
import { isParameterSpec, type Params } from '../../../../src/nn/index.js'
import { tensor, type Literal, type Tensor } from '../../../../src/tensor/index.js'
import { decode } from '../../../../src/tensor/safetensors.js'
import type { Key } from '../../../../src/tensor/random.js'
import { mapTree } from '../../../../src/tensor/tree.js'
import { right } from '../../data/right.js'
import { configOf } from '../../objective/cases.js'

const file = new URL('../../../fixtures/task-heads/heads.safetensors', import.meta.url)
const { tensors } = right(decode(Uint8Array.from(readFileSync(file))))

export const golden = (name: string): Literal => {
  const found = tensors.get(name)
  if (found?.dtype !== 'F64' && found?.dtype !== 'I32') throw new Error(`no ${name} in F64 or I32`)
  return tensor(found.data, { shape: found.shape })
}

const namesUnder = (prefix: string): ReadonlyArray<string> =>
  [...tensors.keys()].flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []))

const model = {
  ...configOf().model,
  embeddingSize: 6,
  hiddenSize: 8,
  layers: 2,
  heads: 2,
  feedForwardSize: 10,
  maxPositions: 12,
  layerNormEps: 1e-12
}
export const size = { model, vocabSize: 20 }
export const joint = { ...size, pairSize: 6, beamSize: 4, answerabilityWeight: 0.5 }

const inputs = { ids: golden('inputs.ids'), mask: golden('inputs.mask'), types: golden('inputs.types') }
const weights = golden('targets.weights')
const words = { positions: golden('targets.positions'), labels: golden('targets.tags') }
const spans = {
  starts: golden('targets.starts'),
  ends: golden('targets.ends'),
  impossible: golden('targets.impossible')
}

/** A head whose batch is one record of tensors, whatever they are. */
export type HeadCase = {
  readonly name: string
  readonly params: Params
  readonly batch: Readonly<Record<string, Tensor>>
  readonly lossOf: (
    params: Params,
    batch: Readonly<Record<string, Tensor>>,
    denominator: Tensor,
    key?: Key
  ) => { readonly loss: Tensor; readonly outputs: unknown }
  readonly predict: (params: Params) => unknown
  /** Golden gradients by path. */
  readonly grads: ReadonlyMap<string, Literal>
  readonly loss: Literal
}

const paramsOf = (specs: unknown, stored: string): Params => {
  const params: unknown = mapTree(
    isParameterSpec,
    (_, path) => golden(path.startsWith('electra.') ? `body.${path}` : `${stored}/params.${path}`),
    specs
  )
  return params as Params
}

const caseOf = <I extends Readonly<Record<string, Tensor>>, T extends Readonly<Record<string, Tensor>>, O, P>(
  name: string,
  network: TaskNetwork<I, T, O, P>,
  batch: I & T,
  stored = name
): HeadCase => ({
  name,
  params: paramsOf(network.parameters, stored),
  batch,
  lossOf: (params, given, denominator, key) => network.shardLoss(params, given as I & T, denominator, key),
  predict: (params) => network.predict(params, batch),
  grads: new Map(namesUnder(`${stored}/grads.`).map((path) => [path, golden(`${stored}/grads.${path}`)])),
  loss: golden(`${stored}/loss`)
})

const sentence = (head: HeadKind) => ({ ...size, head, dropout: 0.1 })
const tagging = (head: HeadKind) => ({ ...size, head, dropout: 0.1, words: 4 })
const classes = { ...inputs, labels: golden('targets.classes'), weights }
const values = { ...inputs, labels: golden('targets.values'), weights }
const tags = { ...inputs, ...words, weights: golden('targets.tagWeights') }

export const cases: ReadonlyArray<HeadCase> = [
  caseOf('classification.official', sentenceClassifier(sentence('official'), 3), classes),
  caseOf('classification.huggingface', sentenceClassifier(sentence('huggingface'), 3), classes),
  caseOf('regression.official', sentenceRegressor(sentence('official')), values),
  caseOf('regression.huggingface', sentenceRegressor(sentence('huggingface')), values),
  caseOf('tagging.official', tagger(tagging('official'), 5), tags, 'tagging'),
  caseOf('tagging.huggingface', tagger(tagging('huggingface'), 5), tags, 'tagging'),
  caseOf('spans.official', jointSpans(joint), { ...inputs, ...spans, weights }),
  caseOf('spans.huggingface', independentSpans(size), { ...inputs, ...spans, weights })
]
