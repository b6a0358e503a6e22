/**
 * One race, from the question to its rows.
 */

import { race, type Contestant, type Rules } from './race.js'
import { rowsOf, type Question, type Row } from './table.js'

/** What came out, and what else there is to say of it. */
export type Measured = { readonly rows: ReadonlyArray<Row>; readonly notes: ReadonlyArray<string> }

/** Hears what is being done. */
export type Observe = (what: string) => void

export type Measurement = {
  /** What it is about, for people who wait. */
  readonly subject: string
  readonly run: (rules: Rules, observe: Observe) => Promise<Measured>
}

export const runRace =
  (question: Question, contestants: ReadonlyArray<Contestant>): Measurement['run'] =>
  async (rules, observe) => ({ rows: rowsOf(question, await race(rules, observe)(contestants)()), notes: [] })
