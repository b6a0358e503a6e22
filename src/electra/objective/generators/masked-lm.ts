/**
 * The generator of ELECTRA: a small masked language model.
 *
 * By `sharing` it reads the main network's embeddings (`embeddings`, the rule), has tables of its own width (`none`), or is the
 * main network itself, with a head of its own (`all`). Clark et al. 2020, section 3.2; the published code's
 * `untied_generator_embeddings` and `untied_generator`.
 */

import { networkOf } from '../../flops/network.js'
import { encode, embeddingsSpec, type Body, type Embeddings } from '../../model/body.js'
import { generatorSpec, predictTokens, type GeneratorHead } from '../../model/generator.js'
import type { Exported } from '../exported.js'
import { maskedLmColumns, maskedLmLoss, maskedLmMetrics, maskedLmReport } from '../masked-lm-loss.js'
import type { Generator, GeneratorMaker, GeneratorSettings } from './generator.js'

type Params = GeneratorHead & {
  /** Tables of its own are read in place of the main network's, one by one; so is a body. */
  readonly electra?: Partial<Body> & { readonly embeddings?: Partial<Embeddings> }
}

const parametersOf = ({ model, generator, sharing }: GeneratorSettings, vocabSize: number): Generator['parameters'] => {
  const std = model.initializerRange
  switch (sharing) {
    case 'all': {
      const { electra: _, ...head } = generatorSpec(model, model, vocabSize, std)
      return head
    }
    case 'none': {
      const size = { ...generator, embeddingSize: generator.hiddenSize }
      const own = generatorSpec(size, model, vocabSize, std)
      return { ...own, electra: { ...own.electra, embeddings: embeddingsSpec(size, model, vocabSize, std) } }
    }
    case 'embeddings':
    case undefined:
      return generatorSpec({ ...generator, embeddingSize: model.embeddingSize }, model, vocabSize, std)
  }
}

const sizeOf = ({ model, generator, sharing }: GeneratorSettings): Exported['size'] =>
  sharing === 'all'
    ? model
    : { ...generator, embeddingSize: sharing === 'none' ? generator.hiddenSize : model.embeddingSize }

const exportedOf =
  (settings: GeneratorSettings): NonNullable<Generator['exported']> =>
  (main) => ({
    name: 'generator',
    half: 'generator',
    size: sizeOf(settings),
    sources: settings.sharing === 'none' ? ['generator.'] : [main, 'generator.']
  })

export const maskedLmGenerator: GeneratorMaker = {
  about: 'a masked language model; Clark et al. 2020, section 2',
  make: (settings, pieces) => {
    const { size: vocabSize } = pieces
    const { model, generator: size } = settings
    const columns = maskedLmColumns(settings, pieces)
    return {
      parameters: parametersOf(settings, vocabSize),
      columns: [columns.loss, columns.accuracy],
      report: maskedLmReport,
      exported: exportedOf(settings),
      networks: (sequenceLength) => [
        networkOf({ model, sequenceLength }, pieces)('generator', sizeOf(settings), { kind: 'softmax', at: 'masked' })
      ],
      propose: ({ main, generator: own }, batch, denominators, dropoutKey) => {
        const generator = own as Params
        const embeddings = { ...main.electra.embeddings, ...generator.electra?.embeddings }
        const { encoder, ...rest } = generator.electra ?? {}
        const [body, heads] = encoder === undefined ? [main.electra, model.heads] : [{ ...rest, encoder }, size.heads]
        const hidden = encode(model, heads, dropoutKey)(embeddings, body)({
          ids: batch.maskedInputIds,
          mask: batch.attentionMask,
          types: batch.tokenTypeIds
        }).final
        const logits = predictTokens(model.layerNormEps)(generator, embeddings)(hidden, batch.maskedPositions)
        const loss = maskedLmLoss(batch, denominators)(logits)
        return { logits, loss, metrics: maskedLmMetrics(batch, logits, loss), hidden }
      }
    }
  }
}
