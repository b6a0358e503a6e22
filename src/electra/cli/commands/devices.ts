/** `pure-electra devices`: what this machine can run programs on. */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { survey } from '../../../tensor/run/choose.js'
import type { Console } from '../console.js'
import { exitCodes, type Command } from '../outcome.js'

export const devices = (console: Console): Command =>
  pipe(
    TE.fromTask(survey),
    TE.map((found) => {
      const width = Math.max(...found.map(({ name }) => name.length))
      for (const { kind, name, available, detail } of found)
        console.say(`${kind.padEnd(10)}  ${name.padEnd(width)}  ${available ? 'yes' : 'no '}  ${detail}`)
      console.json(found)
      return exitCodes.done
    })
  )
