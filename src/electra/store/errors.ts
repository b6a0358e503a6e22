/**
 * What can go wrong with checkpoints and model files.
 */

import { quoted } from '../../tensor/describe.js'
import { showShape, type Shape } from '../../tensor/shape.js'

/** Which of ELECTRA's two networks, or the body that both have. */
export type Half = 'discriminator' | 'generator' | 'encoder'

export type WrongShape = { readonly name: string; readonly found: Shape; readonly expected: Shape }

/** Something that a checkpoint and the run that would continue it do not have in common. */
export type Difference = { readonly what: string; readonly found: string; readonly expected: string }

export type StoreError =
  /** The operating system said no. `code` is its own: ENOSPC, EFBIG, EACCES, ... */
  | {
      readonly _tag: 'FileFailure'
      readonly operation: string
      readonly path: string
      readonly code: string
      readonly reason: string
    }
  | { readonly _tag: 'AlreadyExists'; readonly path: string }
  /** Another process works in the directory. */
  | { readonly _tag: 'InUse'; readonly path: string; readonly holder: string }
  /** The directory was moved, removed or replaced while this process worked in it. A run's state may be `saved` all the same. */
  | { readonly _tag: 'Gone'; readonly path: string; readonly saved?: string }
  /** A file that does not hold what it should. */
  | { readonly _tag: 'Corrupt'; readonly path: string; readonly found: string; readonly expected: string }
  | { readonly _tag: 'UnsupportedVersion'; readonly path: string; readonly found: string; readonly expected: string }
  | {
      readonly _tag: 'NewestUnusable'
      readonly newest: string
      readonly problem: StoreError
      /** The newest checkpoint before it that is whole. */
      readonly previous: string | undefined
    }
  /** `found` is the checkpoint's, `expected` this run's. */
  | { readonly _tag: 'NotResumable'; readonly differences: ReadonlyArray<Difference> }
  | {
      readonly _tag: 'WrongHalf'
      readonly path: string
      readonly found: Half
      readonly expected: Half
    }
  | {
      readonly _tag: 'TensorsDiffer'
      readonly path: string
      readonly missing: ReadonlyArray<string>
      readonly unexpected: ReadonlyArray<string>
      readonly wrongShapes: ReadonlyArray<WrongShape>
    }

/** Longer than any tensor's. */
const longestName = 120

/** A name out of a file, which may be anything, as part of a line. */
const shown = (name: string): string => quoted(name, longestName).slice(1, -1)

const listed = (names: ReadonlyArray<string>): string =>
  names.length <= 8 ? names.join(', ') : `${names.slice(0, 8).join(', ')} and ${names.length - 8} more`

const halves: Readonly<Record<Half, string>> = {
  discriminator: 'a discriminator (ElectraForPreTraining: says which tokens were replaced)',
  generator: 'a generator (ElectraForMaskedLM: fills masked tokens)',
  encoder: "an encoder without a head of pre-training (ElectraModel, or a task's model)"
}

export const showStoreError = (e: StoreError): string => {
  switch (e._tag) {
    case 'FileFailure':
      return `${e.path}: could not ${e.operation}: ${e.reason}`
    case 'AlreadyExists':
      return `${e.path} is already there, with other content`
    case 'InUse':
      return `${e.path} is in use by ${e.holder}: wait until that has ended, or choose another directory`
    case 'Gone':
      return (
        `${e.path} is no longer the directory that this process began to work in: it was moved, removed or replaced` +
        (e.saved === undefined ? '' : `. The state is saved in ${e.saved}`)
      )
    case 'Corrupt':
      return `${e.path}: found ${e.found}, expected ${e.expected}`
    case 'UnsupportedVersion':
      return `${e.path}: found version ${e.found}, expected ${e.expected}`
    case 'NewestUnusable':
      return [
        `the newest checkpoint, ${e.newest}, cannot be used: ${showStoreError(e.problem)}.`,
        e.previous === undefined
          ? 'There is no usable one before it.'
          : `The one before it, ${e.previous}, is whole: remove the newest to continue from there.`
      ].join(' ')
    case 'NotResumable':
      return [
        'the checkpoint belongs to another run:',
        ...e.differences.map((d) => `  ${d.what}: the checkpoint has ${d.found}, this run ${d.expected}`)
      ].join('\n')
    case 'WrongHalf':
      return `${e.path}: this is ${halves[e.found]}, expected ${halves[e.expected]}`
    case 'TensorsDiffer':
      return [
        `${e.path}: the tensors are not those of the configuration.`,
        ...(e.missing.length === 0 ? [] : [`Missing: ${listed(e.missing.map(shown))}.`]),
        ...(e.unexpected.length === 0 ? [] : [`Not expected: ${listed(e.unexpected.map(shown))}.`]),
        ...(e.wrongShapes.length === 0
          ? []
          : [
              `Of another shape: ${listed(
                e.wrongShapes.map(
                  (w) => `${shown(w.name)} is ${showShape(w.found)} instead of ${showShape(w.expected)}`
                )
              )}.`
            ])
      ].join(' ')
  }
}
