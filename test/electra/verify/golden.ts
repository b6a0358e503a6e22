/** The golden files of `test/fixtures`, and files like them that differ in one place. */

import { readFileSync } from 'node:fs'
import { decode, encode, type Metadata } from '../../../src/tensor/safetensors.js'
import type { NamedStored } from '../../../src/tensor/stored.js'
import { right } from '../data/right.js'

export const goldenNames = ['electra_a', 'electra_b', 'electra_c'] as const

export type GoldenName = (typeof goldenNames)[number]

/** An array of the caller's own. */
export const bytesOf = (name: GoldenName): Uint8Array =>
  Uint8Array.from(readFileSync(new URL(`../../fixtures/${name}.safetensors`, import.meta.url)))

/** The same file after changes of its tensors or its metadata. */
export const rewritten = (
  bytes: Uint8Array,
  change: (x: NamedStored) => ReadonlyArray<NamedStored>,
  changeMetadata: (metadata: Metadata) => Metadata = (metadata) => metadata
): Uint8Array => {
  const { tensors, metadata } = right(decode(bytes))
  return encode(
    [...tensors].flatMap(([name, x]) => change({ ...x, name })),
    changeMetadata(metadata)
  )
}
