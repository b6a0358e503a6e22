/** Experiments by name, as their declarations would have them in files. */

export const experimentNames = ['minutes'] as const

export type ExperimentName = (typeof experimentNames)[number]

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
  }
}
