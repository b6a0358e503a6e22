/**
 * The closing report of a pre-training: what was learnt, against what chance would give.
 */

import type { ElectraConfig } from '../config.js'
import type { PretrainResult, Where } from '../training/pretrain.js'
import { showWhere } from './device.js'

/** The report as one JSON line carries it. */
export type ClosingReport = Where & {
  readonly complete: boolean
  readonly step: number
  readonly totalSteps: number
  readonly parameters: number
  /** Means over the first and the last tenth of the steps. */
  readonly first: Readonly<Record<string, number>>
  readonly last: Readonly<Record<string, number>>
  readonly heldOut?: Readonly<Record<string, number>>
  readonly best?: { readonly step: number; readonly loss: number }
  /** `ln V`: the masked-LM loss of a uniform guess, in nats. */
  readonly chanceMaskedLmLoss: number
  readonly tokensPerSecond: number
  /** Worker threads that were lost and replaced. */
  readonly replacements: number
  readonly weightsSha256: string
  readonly optimizerSha256: string
  readonly checkpoint: string
}

export const closingReport = (result: PretrainResult, vocabSize: number): ClosingReport => ({
  complete: result.isComplete,
  step: result.step,
  totalSteps: result.totalSteps,
  parameters: result.parameters,
  device: result.device,
  multiplier: result.multiplier,
  workers: result.workers,
  ranks: result.ranks,
  relaxedSimd: result.relaxedSimd,
  first: result.first,
  last: result.last,
  ...(result.heldOut === undefined ? {} : { heldOut: result.heldOut }),
  ...(result.best === undefined ? {} : { best: result.best }),
  chanceMaskedLmLoss: Math.log(vocabSize),
  tokensPerSecond: result.tokensPerSecond,
  replacements: result.replacements,
  weightsSha256: result.weightsSha256,
  optimizerSha256: result.optimizerSha256,
  checkpoint: result.checkpoint
})

const cell = (x: number | undefined, digits: number): string =>
  (x === undefined || !Number.isFinite(x) ? '-' : x.toFixed(digits)).padStart(11)

type Row = readonly [label: string, name: string, digits: number, chance: number | undefined, what: string]

const rowsOf = (report: ClosingReport, config: ElectraConfig): ReadonlyArray<Row> => [
  ['masked-LM loss', 'maskedLmLoss', 3, report.chanceMaskedLmLoss, 'ln V: a uniform guess'],
  ...(config.objective === 'mlm'
    ? []
    : ([
        [
          'discriminator loss',
          'discriminatorLoss',
          4,
          report.last.baseRateEntropy,
          'base-rate entropy: always the same guess'
        ],
        ['discriminator accuracy', 'discriminatorAccuracy', 3, undefined, ''],
        ['discriminator AUC', 'discriminatorAuc', 3, 0.5, 'a coin']
      ] as const))
]

export const showReport = (report: ClosingReport, config: ElectraConfig): string => {
  const heading = `${''.padEnd(24)}${['first tenth', 'last tenth', 'held out', 'chance'].map((h) => h.padStart(11)).join('  ')}`
  const rows = rowsOf(report, config).map(
    ([label, name, digits, chance, what]) =>
      `${label.padEnd(24)}${[
        cell(report.first[name], digits),
        cell(report.last[name], digits),
        cell(report.heldOut?.[name], digits),
        cell(chance, digits)
      ].join('  ')}${what === '' ? '' : `  (${what})`}`
  )
  return [
    `${report.complete ? 'Finished' : 'Stopped'} at step ${report.step} of ${report.totalSteps}: ` +
      `${report.parameters.toLocaleString('en')} parameters, ${report.tokensPerSecond.toFixed(0)} tokens/s`,
    '',
    heading,
    ...rows,
    '',
    ...(report.best === undefined
      ? []
      : [`best held-out loss  ${report.best.loss.toFixed(4)} at step ${report.best.step}`]),
    `computed on         ${showWhere(report)}`,
    ...(report.replacements === 0 ? [] : [`threads replaced    ${report.replacements}`]),
    `weights sha256      ${report.weightsSha256}`,
    `optimizer sha256    ${report.optimizerSha256}`,
    `checkpoint          ${report.checkpoint}`
  ].join('\n')
}
