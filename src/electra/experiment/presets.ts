/** Experiments by name, as their declarations would have them in files. */

export const experimentNames = ['minutes', 'pilots', 'evening', 'generator-sizes', 'efficiency', 'gpu-day'] as const

export type ExperimentName = (typeof experimentNames)[number]

/** Not the published one: two layers have one rate, and no dropout, as in their pre-training. */
const recipe = { epochs: 4, 'layer-decay': 0, dropout: 0 }

/** Tasks that two layers can learn some of from a few examples, each with its files below `--data`. */
const shortTasks = (rates: ReadonlyArray<number>, trials: number) => ({
  pos: {
    task: 'pos',
    data: 'UD_English-EWT',
    options: { ...recipe, limit: 1000, 'sequence-length': 48 },
    metric: 'accuracy',
    rates,
    trials
  },
  subj: {
    task: 'sentence',
    options: {
      ...recipe,
      train: 'SUBJ/train.tsv',
      dev: 'SUBJ/dev.tsv',
      'text-a': 'sentence',
      label: 'label',
      limit: 1000,
      'sequence-length': 48
    },
    metric: 'accuracy',
    rates,
    trials
  },
  sst: {
    task: 'sst',
    data: 'SST-2',
    options: { ...recipe, limit: 4000, 'sequence-length': 48 },
    metric: 'accuracy',
    rates,
    trials
  },
  cola: {
    task: 'cola',
    data: 'CoLA',
    options: { ...recipe, dev: 'in_domain_dev', 'sequence-length': 24 },
    metric: 'matthews',
    rates,
    trials
  }
})

/**
 * The preset `tiny` with the embeddings as wide as the network, more heads, small batches and less deviation at the start: what pilots found
 * to leave the plateau of words' frequencies soonest and still to transfer (docs/experiments/README.md).
 */
const small = {
  shards: 1,
  batchSize: 8,
  sequenceLength: 64,
  'model.embeddingSize': 128,
  'model.heads': 4,
  'model.initializerRange': 0.05,
  'model.initialAttention': 'mixed',
  'optimizer.warmupSteps': 200,
  'training.checkpointEvery': 500
}

const generator = { 'generator.heads': 2 }

export const experiments: Readonly<Record<ExperimentName, unknown>> = {
  // Too small to say anything: for a first look, and for tests, which see that it comes to its end.
  minutes: {
    name: 'minutes',
    corpus: 'sample',
    config: 'nano',
    set: { 'training.evaluationBatches': 2, 'training.checkpointEvery': 20, 'optimizer.warmupSteps': 4 },
    objectives: { electra: {}, mlm: {} },
    baseline: 'mlm',
    budgets: [{ steps: 40 }],
    seeds: [1, 2],
    tuning: { rates: [5e-4, 2e-3], seed: 101, budget: { steps: 20 } },
    tasks: {
      textbook: {
        task: 'sample',
        options: { epochs: 1, limit: 64, 'sequence-length': 24 },
        metric: 'accuracy',
        rates: [5e-4],
        trials: 2
      }
    }
  },

  // From which budget on each objective is worth more than weights that were never trained.
  pilots: {
    name: 'pilots',
    about: [
      'From which budget on is each objective worth more than weights that were never trained? One seed and one rate: a look, from which nothing follows but where to put the comparison.'
    ],
    corpus: 'corpus',
    config: 'tiny',
    set: small,
    objectives: { electra: generator, mlm: {} },
    baseline: 'mlm',
    budgets: [{ flops: 1.5e12 }, { flops: 6e12 }, { flops: 2.4e13 }],
    seeds: [11],
    tuning: { rates: [1e-3], seed: 101 },
    tasks: shortTasks([1e-3], 1)
  },

  evening: {
    name: 'evening',
    about: [
      "At equal size, text and operations, does replaced token detection transfer better than masked language modelling? Two layers of 128, rows of 64 tokens, the same operations by the paper's count; 193 books of Project Gutenberg and six OpenStax textbooks.",
      "Sizes, rates and the budget are those that pilots led to (docs/experiments/README.md). By then both objectives are past the plateau of single words' frequencies, and worth more than weights that were never trained where words are to be tagged. Where short sentences are to be classified neither was, at any budget that was tried: these tasks are here because a comparison that leaves out where it fails would be none."
    ],
    corpus: 'corpus',
    config: 'tiny',
    set: small,
    objectives: { electra: generator, mlm: {} },
    baseline: 'mlm',
    budgets: [{ flops: 4e13 }],
    seeds: [1, 2, 3, 4, 5],
    tuning: { rates: [2.5e-4, 5e-4, 1e-3, 2e-3], seed: 101, budget: { flops: 1.5e13 } },
    tasks: shortTasks([3e-4, 1e-3], 2)
  },

  'generator-sizes': {
    name: 'generator-sizes',
    corpus: 'corpus',
    config: 'tiny',
    set: small,
    objectives: { electra: generator, mlm: {} },
    baseline: 'mlm',
    generatorSizes: [0.125, 0.25, 0.5, 1],
    budgets: [{ flops: 2.4e13 }],
    seeds: [1, 2, 3],
    tuning: { rates: [1e-3], seed: 101 },
    tasks: shortTasks([1e-3], 2)
  },

  efficiency: {
    name: 'efficiency',
    corpus: 'corpus',
    config: 'tiny',
    set: small,
    objectives: {
      electra: generator,
      'electra-15': generator,
      'replace-mlm': generator,
      'all-tokens-mlm': generator,
      mlm: {}
    },
    baseline: 'mlm',
    budgets: [{ flops: 2.4e13 }],
    seeds: [1, 2, 3],
    tuning: { rates: [5e-4, 1e-3], seed: 101, budget: { flops: 1e13 } },
    tasks: shortTasks([1e-3], 2)
  },

  // A day of one data-centre card, not tried yet: ELECTRA-Small, for a twelfth of its published operations, and whole tasks.
  'gpu-day': {
    name: 'gpu-day',
    corpus: 'corpus',
    config: 'small',
    set: { shards: 1, 'optimizer.warmupSteps': 5000, 'training.checkpointEvery': 5000 },
    objectives: { electra: {}, mlm: {} },
    baseline: 'mlm',
    budgets: [{ flops: 1.2e17 }],
    seeds: [1, 2, 3, 4, 5],
    tuning: { rates: [2.5e-4, 5e-4, 1e-3], seed: 101, budget: { flops: 2e16 } },
    tasks: {
      cola: { task: 'cola', data: 'CoLA', metric: 'matthews', rates: [1e-4, 3e-4], trials: 3 },
      sst: { task: 'sst', data: 'SST-2', metric: 'accuracy', rates: [1e-4, 3e-4], trials: 1 },
      mrpc: { task: 'mrpc', data: 'MRPC', metric: 'accuracy', rates: [1e-4, 3e-4], trials: 3 },
      sts: { task: 'sts', data: 'STS-B', metric: 'spearman', rates: [1e-4, 3e-4], trials: 3 },
      rte: { task: 'rte', data: 'RTE', metric: 'accuracy', rates: [1e-4, 3e-4], trials: 3 }
    }
  }
}
