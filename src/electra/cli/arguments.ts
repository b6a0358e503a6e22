/**
 * Values of options: parsed where they enter, so that commands see numbers and names only.
 */

import { InvalidArgumentError, Option } from 'commander'
import { deviceNames, multiplierNames } from '../../tensor/run/choose.js'

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

/** A factor: any decimal above 0. */
export const factor = (text: string): number => {
  const value = Number(text)
  if (!/^\d*\.?\d+$/.test(text) || !(value > 0)) throw new InvalidArgumentError('Expected a number above 0.')
  return value
}

export const seedOption = (): Option =>
  new Option('--seed <n>', 'decides every random choice of the run').argParser(natural).default(1)

export const deviceOption = (): Option =>
  new Option('--device <name>', 'what runs the programs').choices(deviceNames).default('auto')

export const matmulOption = (): Option =>
  new Option('--matmul <name>', 'who multiplies matrices').choices(multiplierNames).default('auto')

export const jsonOption = (): Option => new Option('--json', 'write JSON lines to standard output').default(false)
