/**
 * What people are told to do about a run that stands in its directory, in terms of the command that makes it.
 */

export type Advice = {
  /** As the end of a sentence. */
  readonly goOn: string
  /** Where there is nothing to go on from. */
  readonly startAnew: string
  /** Where the run that stands there is another one. */
  readonly otherRun: string
}

export const pretrainAdvice: Advice = {
  goOn: 'continue with --resume',
  startAnew: 'start without --resume',
  otherRun: 'give what the checkpoint has, or choose another --out'
}

/** A demo goes on by itself with what it finds. */
export const demoAdvice: Advice = {
  goOn: 'run demo again, with the same --out and --seed, to continue',
  startAnew: 'remove it, or choose another --out',
  otherRun: 'run demo with what the checkpoint has, which finishes that run, or choose another --out'
}

/** As a sentence of its own. */
export const sentence = (words: string): string => `${words[0].toUpperCase()}${words.slice(1)}.`
