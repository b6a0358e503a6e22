/**
 * What every key of a configuration means, for people: `pure-electra config` shows it beside its value.
 */

/** By path; every key of the schema is here. */
export const meanings: Readonly<Record<string, string>> = {
  name: 'what reports call the recipe',
  objective: 'what is learnt',
  sharing:
    "what generator and main network share: 'embeddings', where not given; 'none' of their parameters; or 'all' but the heads",
  packing:
    "'segments', where not given: rows as the official builder makes them; 'running': all of the text, cut in rows",
  sequenceLength: 'tokens of an example, [CLS] and [SEP] included',
  batchSize: 'examples of a step',
  shards: 'parts into which a batch is cut, whatever the number of workers; divides batchSize',
  maskProbability: 'share of the tokens that the generator must guess',
  replaceProbability: 'share of those that show [MASK]; the others keep their token',
  randomProbability:
    'share of those that show a random piece; 0 where not given, 0.1 beside a replaceProbability of 0.8 in BERT',
  sampleWithReplacement: 'whether the masked positions are drawn independently, so that some may coincide',
  temperature: "divides the generator's logits where replacements are sampled",
  disallowCorrect: 'whether a sample may never be the token that it replaces; false where not given',
  generatorWeight: "factor of the generator's loss in a step's loss",
  discriminatorWeight: "factor of the discriminator's loss in a step's loss",
  maskedLmWeight: "factor of the masked-LM loss beside an adversarial generator's own; 0 where not given",
  baselineWeight: "factor of the loss of an adversarial generator's baseline; 1 where not given",
  'model.hiddenSize': 'width of the main network',
  'model.layers': 'layers of the main network',
  'model.maxPositions': 'rows of the position table: the longest input',
  'model.typeVocabSize': 'rows of the segment table',
  'model.hiddenDropout': 'dropout of embeddings and of the outputs of sublayers',
  'model.attentionDropout': 'dropout of attention probabilities',
  'model.layerNormEps': 'added to variances in layer norms',
  'model.initializerRange': 'standard deviation of initial weights, before truncation at two',
  'model.initialAttention':
    "'local': each head begins on one neighbour, before or behind; 'mixed': half of them; 'flat', where not given: none",
  'model.embeddingSize': 'width of the embeddings, which both networks share; model.hiddenSize where not given',
  'model.heads': 'attention heads; model.hiddenSize / 64 where not given',
  'model.feedForwardSize': 'width inside feed-forward layers; 4 model.hiddenSize where not given',
  'generator.kind': "what proposes tokens; 'masked-lm' where not given",
  'generator.hiddenMultiplier': "the generator's width by the main network's; 0.25 where no size is given",
  'generator.layersMultiplier': "the generator's layers by the main network's; 1 where no number is given",
  'generator.hiddenSize': 'width of the generator, in place of its multiplier',
  'generator.layers': 'layers of the generator, in place of their multiplier',
  'generator.heads': 'attention heads; generator.hiddenSize / 64 where not given',
  'generator.feedForwardSize': 'width inside feed-forward layers; 4 generator.hiddenSize where not given',
  'optimizer.learningRate': 'the highest rate, at the end of the warm-up',
  'optimizer.warmupSteps': 'steps over which the rate rises from 0',
  'optimizer.decayPower': 'power of the polynomial decay to 0 at the last step; 1 is linear, 0 none',
  'optimizer.weightDecay': 'decoupled decay of all weights but biases and layer norms',
  'optimizer.b1': "Adam's decay of the gradients' mean",
  'optimizer.b2': "Adam's decay of the squared gradients' mean",
  'optimizer.eps': "Adam's epsilon, added to the root",
  'optimizer.clipNorm': 'gradients are scaled down to this global norm',
  'training.steps': 'steps of a run, where its schedule ends (--steps)',
  'training.checkpointEvery':
    'steps between checkpoints, each after an evaluation on held-out text (--checkpoint-every)',
  'training.keepCheckpoints': 'checkpoints that are kept beside the best (--keep)',
  'training.evaluationBatches': 'held-out batches of an evaluation'
}

/** The value at a path of a configuration, or of any other tree of records. */
export const valueAt = (config: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (at, key) => (typeof at === 'object' && at !== null ? (at as Readonly<Record<string, unknown>>)[key] : undefined),
      config
    )
