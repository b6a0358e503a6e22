/** Whose directory it is: an experiment's, the same that was begun there, or nobody's yet. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { parseDeclaration, type Declaration } from '../../experiment/declaration.js'
import { exists, readText, writeFileWhole } from '../../store/files/files.js'
import { failed, wrongUsage, type Failure } from '../outcome.js'
import { goingOn, parseInputs, type Inputs } from './inputs.js'
import type { Execution } from './job-arguments.js'
import type { Places } from './places.js'
import { stored, textOf } from '../stored.js'

type Claim = { readonly out: string; readonly resume: boolean }

/** The declaration last: where it stands, all does. */
const begun = (declaration: Declaration, inputs: Inputs, places: Places): TE.TaskEither<Failure, Execution> =>
  pipe(
    stored(writeFileWhole(places.inputs, textOf(inputs))),
    TE.chain(() => stored(writeFileWhole(places.declaration, textOf(declaration)))),
    TE.map(() => inputs.execution)
  )

const keptInputs = ({ inputs }: Places): TE.TaskEither<Failure, Inputs> =>
  pipe(
    stored(readText(inputs)),
    TE.chainEitherK((text) =>
      pipe(
        parseInputs(text),
        E.mapLeft((found) => failed(`${inputs}: found something else (${found}), expected what this was begun with`))
      )
    )
  )

/** In what a declaration that was kept is another one, by the first key. */
const otherKey = (kept: string, declaration: Declaration): string =>
  pipe(
    parseDeclaration(kept),
    E.map((before) =>
      ([...new Set([...Object.keys(declaration), ...Object.keys(before)])] as ReadonlyArray<keyof Declaration>).find(
        (key) => JSON.stringify(before[key]) !== JSON.stringify(declaration[key])
      )
    ),
    E.match(
      () => ' is none that is known here',
      (other) => (other === undefined ? '' : ` has another ${other}`)
    )
  )

const goneOnWith = (
  declaration: Declaration,
  inputs: Inputs,
  places: Places,
  { out, resume }: Claim
): TE.TaskEither<Failure, Execution> =>
  resume
    ? pipe(
        stored(readText(places.declaration)),
        TE.filterOrElse(
          (text) => text === textOf(declaration),
          (text) =>
            failed(
              `--out ${out}: found another experiment there than the one declared (${places.declaration}${otherKey(text, declaration)}): ` +
                'repeat the command that it was begun with, from the same directory, or give another --out'
            )
        ),
        TE.chain(() => keptInputs(places)),
        TE.chainEitherK((kept) => goingOn(kept, inputs))
      )
    : TE.left(wrongUsage(`--out ${out}: found an experiment there, expected none; --resume goes on with it`))

/** On what its jobs are computed, where the directory holds this experiment, or none. */
export const claimed = (
  declaration: Declaration,
  inputs: Inputs,
  places: Places,
  claim: Claim
): TE.TaskEither<Failure, Execution> =>
  pipe(
    TE.toUnion(exists(places.declaration)),
    T.chain((there) => (there ? goneOnWith(declaration, inputs, places, claim) : begun(declaration, inputs, places)))
  )
