/**
 * Measurements: what each question of a suite becomes once it is asked.
 */

import * as E from 'fp-ts/lib/Either.js'
import { race, type Contestant, type Finish, type Rules } from './race.js'
import type { Answer, Question } from './table.js'

/** What came out, and what else there is to say of it. */
export type Measured = { readonly answers: ReadonlyArray<Answer>; readonly notes: ReadonlyArray<string> }

/** Hears what is being done. */
export type Observe = (what: string) => void

export type Measurement = {
  /** What it is about, for people who wait. */
  readonly subject: string
  readonly run: (rules: Rules, observe: Observe) => Promise<Measured>
}

/** Contestants' rates: `work` is how many of the question's units one run does. */
export const ratesOf = (question: Question, work: number, finishes: ReadonlyArray<Finish>): Measured => ({
  answers: [
    {
      question,
      sides: finishes.map(({ contestant: { name, isOurs, threads }, seconds }) => ({
        name,
        isOurs,
        threads,
        values: E.map((times: ReadonlyArray<number>) => times.map((s) => work / s))(seconds)
      }))
    }
  ],
  notes: finishes.flatMap(({ contestant, detail }) => (detail === undefined ? [] : [`${contestant.name}: ${detail}`]))
})

export const runRace =
  (question: Question, work: number, contestants: ReadonlyArray<Contestant>): Measurement['run'] =>
  async (rules, observe) =>
    ratesOf(question, work, await race(rules, observe)(contestants)())
