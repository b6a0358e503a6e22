/** `pure-electra verify`: a golden file's step, recomputed and compared. */

import { readFile } from 'node:fs/promises'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { acquire, type DeviceName, type MultiplierName } from '../../../tensor/run/choose.js'
import { showDeviceError } from '../../../tensor/run/device.js'
import { showVerifyError, verify as verifyBytes, type Comparison } from '../../verify/verify.js'
import type { Console } from '../console.js'
import { exitCodes, failed, failedWith, type Command } from '../outcome.js'

export type VerifyOptions = {
  readonly fixture: string
  readonly device: DeviceName
  readonly matmul: MultiplierName
  readonly float64: boolean
}

const row = (c: Comparison, width: number): string =>
  `${c.passes ? 'ok  ' : 'FAIL'}  ${c.name.padEnd(width)}  ${c.maxAbsolute.toExponential(2).padStart(9)}  ${c.relative.toExponential(2).padStart(9)}`

export const verify = ({ fixture, device, matmul, float64 }: VerifyOptions, console: Console): Command =>
  pipe(
    TE.tryCatch(
      () => readFile(fixture),
      (cause) => failed(`${fixture}: could not read it: ${cause instanceof Error ? cause.message : String(cause)}`)
    ),
    TE.chain((bytes) =>
      TE.bracketW(
        pipe(
          acquire({ device, matmul, floats: float64 ? 'float64' : 'float32' }),
          TE.mapLeft(failedWith(showDeviceError))
        ),
        (held) =>
          pipe(
            verifyBytes(held)(bytes),
            TE.bimap(
              (e) => failed(`${fixture}: ${showVerifyError(e)}`),
              (verification) => ({ ...verification, device: held.name, multiplier: held.multiplier })
            )
          ),
        (held) => TE.fromTask(held.release)
      )
    ),
    TE.chain(({ comparisons, passes, ...where }) => {
      const width = Math.max(...comparisons.map((c) => c.name.length))
      console.say(`      ${'tensor'.padEnd(width)}  ${'max |d|'.padStart(9)}  ${'||d||/||r||'.padStart(9)}`)
      for (const c of comparisons) console.say(row(c, width))
      const bad = comparisons.filter((c) => !c.passes).length
      console.say(
        `${fixture} on ${where.device} (matmul ${where.multiplier}): ${comparisons.length - bad} of ${comparisons.length} tensors agree`
      )
      console.json({ fixture, ...where, float64, passes, comparisons })
      return passes
        ? TE.right(exitCodes.done)
        : TE.left(failed(`${fixture}: ${bad} of ${comparisons.length} tensors differ by more than they may`))
    })
  )
