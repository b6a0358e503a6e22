/**
 * Values of options: parsed where they enter, so that commands see numbers and names only.
 */

import { InvalidArgumentError, Option } from 'commander'
import { deviceNames, multiplierNames, precisions } from '../../tensor/run/choose.js'
import { presetNames } from '../config/presets.js'
import { specialPieces } from '../data/vocabulary/vocabulary.js'

const integer =
  (least: number, expected: string) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`Expected ${expected}.`)
    return value
  }

export const positive = integer(1, 'a positive integer')

/** A seed: any integer from 0 to 2^53 - 1. */
export const natural = integer(0, 'an integer of at least 0')

/** A factor: any number above 0, as 0.5 or 3e-4. */
export const factor = (text: string): number => {
  const value = Number(text)
  if (!/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !(value > 0 && value < Infinity))
    throw new InvalidArgumentError('Expected a number above 0.')
  return value
}

/** Any number of at least 0. */
export const amountFromZero = (text: string): number => (Number(text) === 0 ? 0 : factor(text))

/** A rate of dropout, say: from 0 to below 1. */
export const share = (text: string): number => {
  const value = amountFromZero(text)
  if (value >= 1) throw new InvalidArgumentError('Expected a number from 0 to below 1.')
  return value
}

/** An amount: any number above 0, as 1e15. */
export const amount = (text: string): number => {
  const value = Number(text)
  if (!/^(\d+\.?\d*|\.\d+)(e\+?\d+)?$/i.test(text) || !(value > 0 && value < Infinity))
    throw new InvalidArgumentError('Expected a number above 0, as 1e15.')
  return value
}

export const seedOption = (): Option =>
  new Option('--seed <n>', 'decides every random choice of the run').argParser(natural).default(1)

/** A vocabulary: some pieces beside the special ones. */
export const pieces = integer(specialPieces.length + 1, `an integer of at least ${specialPieces.length + 1}`)

export const deviceOption = (): Option =>
  new Option('--device <name>', 'what runs the programs (auto: wasm; in float64 reference)')
    .choices(deviceNames)
    .default('auto')

export const adapterOption = (): Option =>
  new Option(
    '--adapter <n>',
    "with --device webgpu: the GPU, by its number in `devices` (default: WebGPU's choice)"
  ).argParser(natural)

export const precisionOption = (): Option =>
  new Option(
    '--precision <name>',
    'mixed: half precision where it does, with master weights and a scaled loss; with --device webgpu'
  )
    .choices(precisions)
    .default('float32')

export const matmulOption = (): Option =>
  new Option('--matmul <name>', 'who multiplies matrices (auto: blas where this machine has one, else own)')
    .choices(multiplierNames)
    .default('auto')

export const relaxedSimdOption = (): Option =>
  new Option(
    '--relaxed-simd',
    "round once where the device's own products multiply and add: faster, but bits then depend on the machine"
  ).default(false)

/** An option that a resumed run has from its beginning: not set where it is not given, so that the two can be told apart. */
export const keptOption = (option: Option): Option =>
  // Help shows the default of an option only where it is set.
  Object.assign(option, {
    description: `${option.description} (default: ${JSON.stringify(option.defaultValue)})`,
    defaultValue: undefined
  })

export const jsonOption = (): Option => new Option('--json', 'write JSON lines to standard output').default(false)

const collected = (text: string, before: ReadonlyArray<string> | undefined): ReadonlyArray<string> => [
  ...(before ?? []),
  text
]

export const setOption = (): Option =>
  new Option(
    '--set <key=value>',
    'a value of the configuration, as optimizer.learningRate=1e-3; may be repeated'
  ).argParser(collected)

/** What `--config` and the like accept. */
export const configSource = `a preset (${presetNames.join(', ')}) or a JSON file`
