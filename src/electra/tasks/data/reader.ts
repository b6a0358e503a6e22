/**
 * Reading a data set: a fold over the lines of its file that gives examples, or the first thing that is wrong.
 *
 * A format is a value, `LineReader`, that knows nothing of files. Rows that are not as they should be end the reading, unless it
 * is asked to skip them: then they are counted, and the first of each kind is named.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { quoted } from '../../../tensor/describe.js'
import { skip, type Skipped } from '../../data/text/source.js'
import type { Mistake, TaskDataError } from './data-error.js'
import { eachLine } from './file-lines.js'

/** `isWhole`: no row of the file can be used. */
export type LineMistake = Mistake & { readonly isWhole?: true }

export type LineResult<S, A> = Either<LineMistake, readonly [state: S, examples: ReadonlyArray<A>]>

/** A format of files of lines, as a machine: what it remembers from line to line, and the examples that lines complete. */
export type LineReader<S, A> = {
  readonly start: S
  readonly line: (state: S, text: string) => LineResult<S, A>
  /** The state behind a line that was skipped. */
  readonly skipped: (state: S) => S
  /** What the end of the file completes. */
  readonly end: (state: S) => ReadonlyArray<A>
  /** What no two examples may have in common. */
  readonly idOf?: (example: A) => string
}

export type ReadRules = { readonly skipMalformed: boolean }

/** The examples in their order, and what was left out. */
export type Reading<A> = { readonly examples: ReadonlyArray<A>; readonly skipped: ReadonlyArray<Skipped> }

/** As many as memory has room for. */
export const mostExamples = 2 ** 23

/** Gathers examples, under the rules. */
export const gatherer = <A>(
  path: string,
  { skipMalformed }: ReadRules,
  idOf?: (example: A) => string,
  most = mostExamples
) => {
  const examples: Array<A> = []
  const ids = new Set<string>()
  let skipped: ReadonlyArray<Skipped> = []

  /** A row that cannot be used: an error, or one more that was skipped. */
  const mistake = (where: string, { found, expected, isWhole }: LineMistake): Either<TaskDataError, void> => {
    if (isWhole === true) return E.left({ _tag: 'OtherFormat', path, where, found, expected })
    if (!skipMalformed) return E.left({ _tag: 'MalformedRow', path, where, found, expected })
    skipped = skip(skipped, `rows without ${expected}`, `${path}, ${where}: ${found}`)
    return E.right(undefined)
  }
  const add = (where: string, example: A): Either<TaskDataError, void> => {
    const id = idOf?.(example)
    if (id !== undefined && ids.has(id))
      return mistake(where, { found: `the id ${quoted(id)} once more`, expected: 'an id of its own' })
    if (examples.length === most) return E.left({ _tag: 'TooMuchData', path, limit: `${most} examples` })
    if (id !== undefined) ids.add(id)
    examples.push(example)
    return E.right(undefined)
  }
  return {
    mistake,
    add,
    leaveOut: (why: string, where: string): void => {
      skipped = skip(skipped, why, `${path}, ${where}`)
    },
    reading: (): Either<TaskDataError, Reading<A>> =>
      examples.length === 0 ? E.left({ _tag: 'NoExamples', path, skipped }) : E.right({ examples, skipped })
  }
}

/** Runs a reader over lines as they come. */
const follow = <S, A>(reader: LineReader<S, A>, rules: ReadRules, path: string) => {
  const gathered = gatherer<A>(path, rules, reader.idOf)
  let state = reader.start
  let last = 0
  const addAll = (examples: ReadonlyArray<A>): Either<TaskDataError, void> => {
    for (const example of examples) {
      const added = gathered.add(`line ${last}`, example)
      if (E.isLeft(added)) return added
    }
    return E.right(undefined)
  }
  return {
    push: (text: string, line: number): Either<TaskDataError, void> => {
      last = line
      const result = reader.line(state, text)
      if (E.isLeft(result)) {
        state = reader.skipped(state)
        return gathered.mistake(`line ${line}`, result.left)
      }
      state = result.right[0]
      return addAll(result.right[1])
    },
    end: (): Either<TaskDataError, Reading<A>> => {
      const added = addAll(reader.end(state))
      return E.isLeft(added) ? added : gathered.reading()
    }
  }
}

/** Reads lines that are there already. `path` is what errors call them. */
export const parseLines =
  <S, A>(reader: LineReader<S, A>, rules: ReadRules, path: string) =>
  (lines: ReadonlyArray<string>): Either<TaskDataError, Reading<A>> => {
    const following = follow(reader, rules, path)
    for (const [i, text] of lines.entries()) {
      const pushed = following.push(text, i + 1)
      if (E.isLeft(pushed)) return pushed
    }
    return following.end()
  }

/** Reads a file of lines; what begins as gzip does, or is named `.gz`, is decompressed. */
export const readLinesOf =
  <S, A>(reader: LineReader<S, A>, rules: ReadRules) =>
  (path: string): TaskEither<TaskDataError, Reading<A>> =>
  async () => {
    const following = follow(reader, rules, path)
    const read = await eachLine(path)(following.push)()
    return E.isLeft(read) ? read : following.end()
  }
