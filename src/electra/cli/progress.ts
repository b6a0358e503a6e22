/**
 * Progress of long work: a bar on a terminal, a line now and then elsewhere, both with the time that is left.
 */

import cliProgress, { type SingleBar } from 'cli-progress'
import { memoryFields, showWorkerError } from '../../workers/index.js'
import type { CorpusProgress } from '../data/corpus/builder.js'
import type { Column, Report } from '../training/columns.js'
import type { RunEvent } from '../training/run.js'
import type { Console } from './console.js'
import { counted } from '../counted.js'
import { whereFields } from '../report/shown.js'
import { fieldsWithin, reportWidth, wrapped } from './fit.js'

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

/** `mlm 7.12`, `disc 0.312`, `acc 0.914`, `auc 0.662`: those of the columns that the report has. */
export const barFields = (columns: ReadonlyArray<Column>, report: Report): ReadonlyArray<string> =>
  columns.flatMap(({ name, bar }) =>
    bar === undefined || report[name] === undefined ? [] : [`${bar.label} ${fixed(report[name], bar.digits)}`]
  )

export type Progress<Event> = { readonly observe: (event: Event) => void; readonly stop: () => void }

/** A bar in an eighth of the line, and as many fields beside it as fit. */
export const barLine = (width: number, progress: number, fields: ReadonlyArray<string>): string => {
  const size = Math.max(4, Math.min(24, Math.floor(width / 8)))
  const done = Math.round(size * Math.max(0, Math.min(1, progress)))
  return fieldsWithin(width, [`${'='.repeat(done)}${'-'.repeat(size - done)}`, ...fields])
}

/** A bar on the last line, and lines that scroll above it. */
type Bar = {
  readonly start: (total: number, done: number, fields: ReadonlyArray<string>) => void
  readonly update: (done: number, fields: ReadonlyArray<string>, total?: number) => void
  readonly note: (text: string) => void
  readonly stop: () => void
}

const barOn = (stream: NodeJS.WriteStream): Bar => {
  const bars = new cliProgress.MultiBar({
    stream,
    hideCursor: true,
    clearOnComplete: false,
    // Lines that are made to fit need no terminal that cuts them; what others write meanwhile is not cut.
    linewrap: true,
    // A column is left: what is behind the cursor is cleared, which takes the last letter where the cursor cannot pass it.
    format: (_, { progress, maxWidth }, { fields }: { readonly fields: ReadonlyArray<string> }) =>
      barLine(maxWidth - 1, progress, fields)
  })
  let bar: SingleBar | undefined
  let isStopped = false
  return {
    start: (total, done, fields) => {
      bar?.stop()
      bar = bars.create(total, done, { fields })
    },
    update: (done, fields, total) => {
      if (total !== undefined) bar?.setTotal(total)
      bar?.update(done, { fields })
    },
    note: (text) => bars.log(`${text}\n`),
    stop: () => {
      if (isStopped) return
      isStopped = true
      // The notes of the last moment, which wait for the next time that the bar is drawn.
      bars.update()
      bars.stop()
    }
  }
}

/** Seconds between two lines where no bar can be drawn. */
const lineEvery = 10

type Shown = {
  readonly report: Report
  readonly tokensPerSecond: number
  /** Of the last step, where losses are scaled. */
  readonly lossScale: number | undefined
  /** Steps that were skipped since this process began. */
  readonly skipped: number
}

const scaleFields = ({ lossScale, skipped }: Shown): ReadonlyArray<string> =>
  lossScale === undefined ? [] : [`scale ${lossScale}`, ...(skipped === 0 ? [] : [`${skipped} skipped`])]

/** Training: step, time gone and left, learning rate, what the columns show, tokens a second. */
export const trainingProgress = (
  console: Console,
  columns: ReadonlyArray<Column>,
  stream: NodeJS.WriteStream = process.stderr
): Progress<RunEvent> => {
  const bar = console.isInteractive ? barOn(stream) : undefined
  const note = bar === undefined ? console.note : bar.note
  const width = (): number => (bar === undefined ? Infinity : stream.columns > 0 ? stream.columns : reportWidth)
  let shown: Shown = { report: {}, tokensPerSecond: 0, lossScale: undefined, skipped: 0 }
  let [totalSteps, startedAt, firstStep, lastLine] = [0, performance.now(), 0, 0]

  const leftAt = (step: number): number | undefined => {
    const done = step - firstStep
    const elapsed = (performance.now() - startedAt) / 1000
    return done === 0 ? undefined : (elapsed / done) * (totalSteps - step)
  }
  const fieldsAt = (step: number, learningRate: number): ReadonlyArray<string> => [
    `${step}/${totalSteps}`,
    showSeconds((performance.now() - startedAt) / 1000),
    `${showSeconds(leftAt(step))} left`,
    `lr ${learningRate.toExponential(1)}`,
    ...barFields(columns, shown.report),
    ...scaleFields(shown),
    `${shown.tokensPerSecond.toFixed(0)} tok/s`
  ]
  const noteSentence = (text: string): void => {
    note(wrapped(text, width()).join('\n'))
  }

  return {
    observe: (event) => {
      switch (event._tag) {
        case 'Started':
          totalSteps = event.totalSteps
          firstStep = event.step
          startedAt = performance.now()
          for (const fields of startedFields(event)) console.note(fieldsWithin(width(), fields, ', '))
          bar?.start(event.totalSteps, event.step, [`${event.step}/${event.totalSteps}`])
          return
        case 'Stepped': {
          const now = event.tokens / event.seconds
          const before = shown.tokensPerSecond
          shown = {
            report: smooth(shown.report, event.report),
            tokensPerSecond: before === 0 ? now : 0.95 * before + 0.05 * now,
            lossScale: event.lossScale,
            skipped: shown.skipped + Number(event.lossScale !== undefined && !Number.isFinite(event.gradientNorm))
          }
          const fields = fieldsAt(event.step, event.learningRate)
          bar?.update(event.step, fields)
          if (bar === undefined && (performance.now() - lastLine) / 1000 > lineEvery) {
            lastLine = performance.now()
            console.note(`step ${fields.join('  ')}`)
          }
          return
        }
        case 'Evaluated':
          note(fieldsWithin(width(), evaluatedFields(event, columns)))
          return
        case 'Saved':
          noteSentence(`step ${event.step}  saved ${event.path}`)
          return
        case 'Unguarded':
          noteSentence(`Another process that works in this directory too would go unnoticed: ${event.reason}`)
          return
        case 'Replaced':
          noteSentence(`${showWorkerError(event.cause)}; replaced`)
      }
    },
    stop: () => bar?.stop()
  }
}

type EventOf<Tag extends RunEvent['_tag']> = Extract<RunEvent, { readonly _tag: Tag }>

/** What a run is made of, on what it is computed, and what of memory it takes: a line each. */
export const startedFields = (event: EventOf<'Started'>): ReadonlyArray<ReadonlyArray<string>> => {
  const [memory, ...parts] = memoryFields(event.memory)
  return [
    [
      counted(event.parameters, 'parameter'),
      `${counted(event.examples, 'example')} (${event.heldOutExamples.toLocaleString('en')} held out)`,
      ...(event.step === 0 ? [] : [`from step ${event.step}`])
    ],
    whereFields(event),
    [`memory ${memory}`, ...parts]
  ]
}

export const evaluatedFields = (
  { step, report, isBest }: EventOf<'Evaluated'>,
  columns: ReadonlyArray<Column>
): ReadonlyArray<string> => {
  const [first, ...rest] = barFields(columns, report)
  return [`step ${step}`, `held out${isBest ? ' (best)' : ''}: ${first}`, ...rest]
}

/** Building a corpus: phase, share done, time left in the phase. */
export const corpusProgress = (
  console: Console,
  stream: NodeJS.WriteStream = process.stderr
): Progress<CorpusProgress> => {
  const bar = console.isInteractive ? barOn(stream) : undefined
  let phase: CorpusProgress['phase'] | undefined
  return {
    observe: (p) => {
      const share = p.total === 0 ? 1 : p.done / p.total
      const fields = [`${Math.floor(100 * share)}%`, p.phase, `${showSeconds(p.left)} left`]
      if (p.phase !== phase) {
        phase = p.phase
        if (bar === undefined) console.note(`${p.phase} ...`)
        else bar.start(p.total, p.done, fields)
      }
      bar?.update(p.done, fields, p.total)
    },
    stop: () => bar?.stop()
  }
}
