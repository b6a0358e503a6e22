/**
 * Progress of long work: a bar on a terminal, a line now and then elsewhere, both with the time that is left.
 */

import cliProgress, { type SingleBar } from 'cli-progress'
import { showWorkerError } from '../../workers/index.js'
import type { Report } from '../objective/objective.js'
import { showMemoryPlan } from '../../workers/index.js'
import type { PretrainEvent } from '../training/run.js'
import type { CorpusProgress } from '../data/corpus/builder.js'
import type { Console } from './console.js'
import { showWhere } from './device.js'

/** 75 -> `1m15s`; `?` where it is not known. */
export const showSeconds = (seconds: number | undefined): string => {
  if (seconds === undefined || !Number.isFinite(seconds)) return '?'
  const whole = Math.round(seconds)
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  if (hours > 0) return `${hours}h${String(minutes).padStart(2, '0')}m`
  return minutes > 0 ? `${minutes}m${String(whole % 60).padStart(2, '0')}s` : `${whole}s`
}

/** Single steps are noisy: what is shown is an exponential mean, of about the last twenty. */
const smooth = (before: Report, now: Report): Report =>
  Object.fromEntries(
    Object.entries(now).map(([name, value]) => {
      const old = before[name]
      const known = old !== undefined && Number.isFinite(old)
      return [name, !Number.isFinite(value) ? (old ?? value) : known ? 0.95 * old + 0.05 * value : value]
    })
  )

const fixed = (x: number | undefined, digits: number): string =>
  x === undefined || !Number.isFinite(x) ? '-' : x.toFixed(digits)

/** `mlm 7.12  disc 0.312  acc 0.914  auc 0.662` */
export const showLosses = (report: Report): string =>
  [
    `mlm ${fixed(report.maskedLmLoss, 2)}`,
    ...(report.discriminatorLoss === undefined
      ? [`acc ${fixed(report.maskedLmAccuracy, 3)}`]
      : [
          `disc ${fixed(report.discriminatorLoss, 3)}`,
          `acc ${fixed(report.discriminatorAccuracy, 3)}`,
          `auc ${fixed(report.discriminatorAuc, 3)}`
        ]),
    ...(report.fixedCorruptionAuc === undefined ? [] : [`fixed auc ${fixed(report.fixedCorruptionAuc, 3)}`])
  ].join('  ')

export type Progress<Event> = { readonly observe: (event: Event) => void; readonly stop: () => void }

/** A bar on the last line, and lines that scroll above it. */
type Bar = {
  readonly start: (total: number, done: number, words: object) => void
  readonly update: (done: number, words: object, total?: number) => void
  readonly note: (text: string) => void
  readonly stop: () => void
}

/** Of `besides` characters that stand beside the bar, as many as fit are shown; the bar takes what they leave. */
const barOf = (format: string, besides: number, stream: NodeJS.WriteStream): Bar => {
  const bars = new cliProgress.MultiBar({
    stream,
    hideCursor: true,
    clearOnComplete: false,
    format,
    barsize: Math.max(4, Math.min(24, stream.columns - besides))
  })
  let bar: SingleBar | undefined
  return {
    start: (total, done, words) => {
      bar?.stop()
      bar = bars.create(total, done, words)
    },
    update: (done, words, total) => {
      if (total !== undefined) bar?.setTotal(total)
      bar?.update(done, words)
    },
    note: (text) => bars.log(`${text}\n`),
    stop: () => bars.stop()
  }
}

/** Seconds between two lines where no bar can be drawn. */
const lineEvery = 10

type Shown = { readonly report: Report; readonly tokensPerSecond: number }

/** Training: step, time gone and left, losses, accuracy and AUC of the discriminator, learning rate, tokens a second. */
export const trainingProgress = (
  console: Console,
  stream: NodeJS.WriteStream = process.stderr
): Progress<PretrainEvent> => {
  const bar = console.isInteractive
    ? barOf('{bar} {value}/{total}  {elapsed}  {left} left  {losses}  lr {learningRate}  {rate} tok/s', 118, stream)
    : undefined
  const note = bar === undefined ? console.note : bar.note
  let shown: Shown = { report: {}, tokensPerSecond: 0 }
  let [totalSteps, startedAt, firstStep, lastLine] = [0, performance.now(), 0, 0]

  const leftAt = (step: number): number | undefined => {
    const done = step - firstStep
    const elapsed = (performance.now() - startedAt) / 1000
    return done === 0 ? undefined : (elapsed / done) * (totalSteps - step)
  }
  const elapsed = (): string => showSeconds((performance.now() - startedAt) / 1000)
  const line = (step: number, learningRate: number): string =>
    `step ${step}/${totalSteps}  ${elapsed()}  ${showSeconds(leftAt(step))} left  ${showLosses(shown.report)}  ` +
    `lr ${learningRate.toExponential(1)}  ${shown.tokensPerSecond.toFixed(0)} tokens/s`

  return {
    observe: (event) => {
      switch (event._tag) {
        case 'Started':
          totalSteps = event.totalSteps
          firstStep = event.step
          startedAt = performance.now()
          console.note(
            `${event.parameters.toLocaleString('en')} parameters, ${event.examples.toLocaleString('en')} examples ` +
              `(${event.heldOutExamples.toLocaleString('en')} held out), ${showWhere(event)}` +
              (event.step === 0 ? '' : `, from step ${event.step}`)
          )
          console.note(`memory ${showMemoryPlan(event.memory)}`)
          bar?.start(event.totalSteps, event.step, {
            losses: '',
            rate: '-',
            elapsed: '0s',
            left: '?',
            learningRate: '-'
          })
          return
        case 'Stepped': {
          const now = event.tokens / event.seconds
          const before = shown.tokensPerSecond
          shown = {
            report: smooth(shown.report, event.report),
            tokensPerSecond: before === 0 ? now : 0.95 * before + 0.05 * now
          }
          bar?.update(event.step, {
            losses: showLosses(shown.report),
            rate: shown.tokensPerSecond.toFixed(0),
            learningRate: event.learningRate.toExponential(1),
            elapsed: elapsed(),
            left: showSeconds(leftAt(event.step))
          })
          if (bar === undefined && (performance.now() - lastLine) / 1000 > lineEvery) {
            lastLine = performance.now()
            console.note(line(event.step, event.learningRate))
          }
          return
        }
        case 'Evaluated':
          note(`step ${event.step}  held out: ${showLosses(event.report)}${event.isBest ? '  (best)' : ''}`)
          return
        case 'Saved':
          note(`step ${event.step}  saved ${event.path}`)
          return
        case 'Unguarded':
          note(`Another process that works in this directory too would go unnoticed: ${event.reason}`)
          return
        case 'Replaced':
          note(`${showWorkerError(event.cause)}; replaced`)
      }
    },
    stop: () => bar?.stop()
  }
}

/** Building a corpus: phase, share done, time left in the phase. */
export const corpusProgress = (console: Console): Progress<CorpusProgress> => {
  const bar = console.isInteractive ? barOf('{bar} {percentage}%  {phase}  {left} left', 46, process.stderr) : undefined
  let phase: CorpusProgress['phase'] | undefined
  return {
    observe: (p) => {
      if (p.phase !== phase) {
        phase = p.phase
        if (bar === undefined) console.note(`${p.phase} ...`)
        else bar.start(p.total, p.done, { phase: p.phase, left: showSeconds(p.left) })
      }
      bar?.update(p.done, { phase: p.phase, left: showSeconds(p.left) }, p.total)
    },
    stop: () => bar?.stop()
  }
}
