/**
 * Hashes that say whether two runs are the same: of tensors, of configurations, of bytes. SHA-256, in hexadecimal.
 */

import { createHash, type Hash } from 'node:crypto'
import { bytesOf, type NamedStored } from '../../tensor/stored.js'
import type { ElectraConfig } from '../config/config.js'
import { canonicalJson } from './canonical-json.js'

/** Node's hash takes fewer than 2^31 bytes at once. */
const chunk = 2 ** 26

const absorb = (hash: Hash, bytes: Uint8Array): Hash => {
  for (let at = 0; at < bytes.length; at += chunk) hash.update(bytes.subarray(at, at + chunk))
  return hash
}

export const sha256 = (bytes: Uint8Array): string => absorb(createHash('sha256'), bytes).digest('hex')

export const sha256OfText = (text: string): string => sha256(new TextEncoder().encode(text))

/**
 * Of tensors in the order of their names: for each a line `["name","F32",[2,3]]` and its little-endian bytes. Files,
 * times and the order of the argument do not enter.
 */
export const sha256OfTensors = (tensors: ReadonlyArray<NamedStored>): string =>
  [...tensors]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .reduce(
      (hash, { name, dtype, shape, data }) =>
        absorb(hash.update(`${canonicalJson([name, dtype, shape])}\n`), bytesOf(data)),
      createHash('sha256')
    )
    .digest('hex')

/** The part of a configuration that decides what a step computes: neither its name nor how the run is driven. */
export const computedPart = ({
  name: _,
  training: __,
  ...rest
}: ElectraConfig): Omit<ElectraConfig, 'name' | 'training'> => rest

export const sha256OfConfig = (config: ElectraConfig): string => sha256OfText(canonicalJson(computedPart(config)))
