/** `pure-electra verify`: a golden file's step, recomputed and compared. */

import { readFile } from 'node:fs/promises'
import type { Command as Program } from 'commander'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showVerifyError, verify as verifyBytes, type Comparison } from '../../verify/verify.js'
import type { Console } from '../console.js'
import { withDevice, type DeviceOptions } from '../device.js'
import { exitCodes, failed, type Command } from '../outcome.js'
import { adapterOption, deviceOption, jsonOption, matmulOption, relaxedSimdOption } from '../arguments.js'
import { examples, finish, type WithJson } from '../finish.js'

export type VerifyOptions = DeviceOptions & { readonly fixture: string; readonly float64: boolean }

const row = (c: Comparison, width: number): string =>
  `${c.passes ? 'ok  ' : 'FAIL'}  ${c.name.padEnd(width)}  ` +
  `${c.maxAbsolute.toExponential(2).padStart(9)}  ${c.relative.toExponential(2).padStart(9)}`

export const verify = (options: VerifyOptions, console: Console): Command => {
  const { fixture, float64 } = options
  const floats = float64 ? 'float64' : 'float32'
  return pipe(
    TE.tryCatch(
      () => readFile(fixture),
      (cause) => failed(`${fixture}: could not read it: ${cause instanceof Error ? cause.message : String(cause)}`)
    ),
    TE.chain((bytes) =>
      withDevice(
        options,
        floats
      )((held) =>
        pipe(
          verifyBytes(held)(bytes),
          TE.bimap(
            (e) => failed(`${fixture}: ${showVerifyError(e)}`),
            (verification) => ({ ...verification, device: held.name, multiplier: held.multiplier })
          )
        )
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
}

export const declareVerify = (root: Program): void => {
  root
    .command('verify')
    .description('recompute the training step of a golden file and compare every number')
    .requiredOption('--fixture <file>', 'a golden file (.safetensors)')
    .addOption(deviceOption())
    .addOption(adapterOption())
    .addOption(matmulOption())
    .addOption(relaxedSimdOption())
    .option('--float64', 'in double precision, on the reference device', false)
    .addOption(jsonOption())
    .addHelpText('after', examples('verify --fixture test/fixtures/electra_a.safetensors --float64'))
    .action((options: VerifyOptions & WithJson) => finish(options, (console) => verify(options, console)))
}
