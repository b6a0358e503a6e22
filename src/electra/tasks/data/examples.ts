/** What the readers of data sets give, whatever the format of the file. */

/** A sentence, or two, with a label as the file has it: the name of a class, or a score. */
export type SentenceExample = {
  /** The number of its row from 0: headers and empty lines are no rows, and rows that were skipped are. */
  readonly id: string
  readonly textA: string
  readonly textB?: string
  readonly label?: string
}

/** A text that answers a question. `start` is an index into the context, as JavaScript counts (UTF-16 units). */
export type Answer = { readonly text: string; readonly start: number }

export type QuestionExample = {
  readonly id: string
  readonly question: string
  readonly context: string
  /** Where in the context it is answered, for training; the first one is the one to learn. */
  readonly answers: ReadonlyArray<Answer>
  /** The texts that a scorer accepts: those of `answers` in SQuAD, a list of their own in MRQA. */
  readonly golds: ReadonlyArray<string>
  readonly isImpossible: boolean
}

/** `words` and `tags` are of one length, 1 or more. */
export type TaggedSentence = { readonly words: ReadonlyArray<string>; readonly tags: ReadonlyArray<string> }
