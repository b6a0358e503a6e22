/**
 * Timing things against one another, in one run.
 *
 * Contestants take turns, a round at a time, so that whatever else the machine does in the meantime slows all of them
 * alike, and their ratios mean something where single times do not.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'

/** Runs something so many times in a row, and tells the seconds that took. */
export type Timed = (repeats: number) => TaskEither<string, number>

export type Contestant = {
  readonly name: string
  /** Whether it is of this library, or somebody else's to compare with. */
  readonly isOurs: boolean
  /** Threads that compute; `undefined` where an adapter decides. */
  readonly threads: number | undefined
  /** Sets up, outside the timing. A `Left` says why it cannot run. */
  readonly open: TaskEither<string, Opened>
}

export type Opened = {
  /** What it is exactly, where that shows only now: a version, the kernels of a BLAS. */
  readonly detail?: string
  readonly run: Timed
  /** Holds the last result against what it should be. */
  readonly check: TaskEither<string, void>
  readonly release: Task<void>
}

export type Rules = {
  /** How often each contestant is timed, once it is warm. */
  readonly rounds: number
  /** Seconds after which a contestant gets no further turn. */
  readonly limit: number
  /** Whether those are measured whose single run takes longer than the limit, or that are known to be slow. */
  readonly slow: boolean
}

export type Finish = {
  readonly contestant: Contestant
  readonly detail: string | undefined
  /** Seconds of a run, round by round from the first; or why there are none. */
  readonly seconds: E.Either<string, ReadonlyArray<number>>
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2
}

/** Times what happens in this thread, in a tight loop. */
export const timed =
  (once: IOEither<string, unknown>): Timed =>
  (repeats) =>
    TE.fromIOEither(() => {
      const start = performance.now()
      for (let i = 0; i < repeats; i++) {
        const ran = once()
        if (E.isLeft(ran)) return ran
      }
      return E.right((performance.now() - start) / 1000)
    })

/** Times what is waited for. */
export const timedTask =
  (once: TaskEither<string, unknown>): Timed =>
  (repeats) =>
  async () => {
    const start = performance.now()
    for (let i = 0; i < repeats; i++) {
      const ran = await once()
      if (E.isLeft(ran)) return ran
    }
    return E.right((performance.now() - start) / 1000)
  }

/** Seconds that warming up takes at least, however often it must run for that: engines compile what is hot. */
const warm = 0.5

/** Seconds below which runs are timed together, several at a time. */
const readable = 0.05

/** A contestant in the middle of a race; out of it when `ended` has a reason. */
type Runner = {
  readonly contestant: Contestant
  readonly opened: Opened | undefined
  repeats: number
  readonly seconds: Array<number>
  spent: number
  ended: string | undefined
}

const warmUp = async (contestant: Contestant, { limit, slow }: Rules): Promise<Runner> => {
  const opened = await contestant.open()
  const at = { contestant, repeats: 1, seconds: [], spent: 0 }
  if (E.isLeft(opened)) return { ...at, opened: undefined, ended: opened.left }
  const runner: Runner = { ...at, opened: opened.right, ended: undefined }
  let warmed = 0
  while (warmed < warm && runner.ended === undefined) {
    const turn = await opened.right.run(runner.repeats)()
    if (E.isLeft(turn)) runner.ended = turn.left
    else {
      const once = turn.right / runner.repeats
      warmed += turn.right
      runner.repeats = Math.max(1, Math.round(readable / once))
      if (once > limit && !slow)
        runner.ended = `a run took ${once.toFixed(1)} s, and the limit is ${limit} s (--slow measures it)`
    }
  }
  return runner
}

const takeTurn = async (runner: Runner): Promise<void> => {
  if (runner.opened === undefined) return
  const turn = await runner.opened.run(runner.repeats)()
  if (E.isLeft(turn)) runner.ended = turn.left
  else {
    runner.seconds.push(turn.right / runner.repeats)
    runner.spent += turn.right
  }
}

const finish = async ({ contestant, opened, seconds, ended }: Runner): Promise<Finish> => {
  const checked = opened === undefined || ended !== undefined ? E.right(undefined) : await opened.check()
  await opened?.release()
  const reason = E.isLeft(checked) ? checked.left : ended
  return { contestant, detail: opened?.detail, seconds: reason === undefined ? E.right(seconds) : E.left(reason) }
}

/** A contestant that stays out where a run of it would have more than `most` FLOP, unless slow ones are wanted. */
export const upTo =
  (most: number, flop: number, isSlowWanted: boolean) =>
  (contestant: Contestant): Contestant =>
    flop <= most || isSlowWanted
      ? contestant
      : { ...contestant, open: TE.left(`left out above ${most / 1e9} GFLOP a run (--slow measures it)`) }

/** Every contestant's times, in the order given. `observe` hears who is warming up, and of every round. */
export const race =
  (rules: Rules, observe: (what: string) => void) =>
  (contestants: ReadonlyArray<Contestant>): Task<ReadonlyArray<Finish>> =>
  async () => {
    const runners: Array<Runner> = []
    for (const contestant of contestants) {
      observe(`warming up ${contestant.name}`)
      runners.push(await warmUp(contestant, rules))
    }
    for (let round = 1; round <= rules.rounds; round++) {
      observe(`round ${round} of ${rules.rounds}`)
      for (const runner of runners)
        if (runner.ended === undefined && (round === 1 || runner.spent < rules.limit)) await takeTurn(runner)
    }
    const finishes: Array<Finish> = []
    for (const runner of runners) finishes.push(await finish(runner))
    return finishes
  }
