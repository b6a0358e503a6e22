/** Shows an experiment that runs: lines that are drawn again on a terminal, elsewhere a line for each job that begins or ends. */

import type { Declaration } from '../../experiment/declaration.js'
import { workOf, type Job } from '../../experiment/plan.js'
import type { Console } from '../console.js'
import { reportWidth } from '../fit.js'
import { showSeconds } from '../progress.js'
import type { Event, Options } from './carry-out.js'
import type { RunningJob } from './job-processes.js'
import { headline, nothingTook, runningLines, took, verbs, type Progressing } from './table.js'

/** Milliseconds between two drawings. */
const drawEvery = 1000

const eventLine = (event: Exclude<Event, { readonly _tag: 'Recalled' }>): string => {
  const what = `${verbs[event.job._tag]} ${event.job.id}`
  if (event._tag === 'Begun') return `${what}: begun`
  const { end, seconds } = event
  switch (end._tag) {
    case 'Done':
      return `${what}: done in ${showSeconds(seconds)}`
    case 'Failed':
      return `${what}: failed after ${showSeconds(seconds)}: ${end.reason}`
    case 'Interrupted':
      return `${what}: interrupted`
  }
}

export const watching = (
  declaration: Declaration,
  jobs: number,
  running: () => ReadonlyArray<RunningJob>,
  console: Console,
  stream: NodeJS.WriteStream = process.stderr
): { readonly observe: Options['observe']; readonly stop: () => void } => {
  const { name } = declaration
  const work = workOf(declaration)
  let known: Omit<Progressing, 'running'> | undefined
  const begun = new Map<string, { readonly job: Job; readonly at: number }>()
  const headlineOf = (all: Omit<Progressing, 'running'>): string => {
    const now = performance.now()
    const runningFor = [...begun.values()].map(({ job, at }) => ({ job, seconds: (now - at) / 1000 }))
    return headline(name, { ...all, running: runningFor }, Date.now())
  }
  let seconds = nothingTook
  let drawn = 0
  const erase = (): void => {
    if (drawn > 0) stream.write(`\u001b[${drawn}A\u001b[J`)
    drawn = 0
  }
  const draw = (): void => {
    if (!console.isInteractive || known === undefined) return
    const width = stream.columns > 0 ? stream.columns - 1 : reportWidth
    const lines = [
      headlineOf(known),
      ...runningLines(
        running().map(({ job, process: { lastLine } }) => ({ job, said: lastLine() })),
        width
      )
    ].map((line) => line.slice(0, width))
    erase()
    stream.write(`${lines.join('\n')}\n`)
    drawn = lines.length
  }
  const timer = setInterval(draw, drawEvery)
  timer.unref()
  return {
    observe: (event, plan, outcomes) => {
      const { job } = event
      const isDone =
        (event._tag === 'Ended' && event.end._tag === 'Done') ||
        (event._tag === 'Recalled' && event.outcome._tag === 'Done')
      if (isDone) seconds = took(seconds, job, event.seconds, work(job))
      known = { plan, outcomes, took: seconds, workOf: work, jobs }
      if (event._tag === 'Recalled') return
      if (event._tag === 'Begun') begun.set(job.id, { job, at: performance.now() })
      else begun.delete(job.id)
      erase()
      if (!console.isInteractive || event._tag === 'Ended') console.note(eventLine(event))
      if (!console.isInteractive && event._tag === 'Ended') console.note(headlineOf(known))
      draw()
    },
    stop: () => {
      clearInterval(timer)
      erase()
    }
  }
}
