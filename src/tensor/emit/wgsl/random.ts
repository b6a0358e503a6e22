/**
 * Random bits: an invocation for each counter, which gives two words.
 */

import type { Random, View } from '../../program/kernel.js'
import { written } from './map.js'
import { when, type Bindings, type ShaderPart } from './shader.js'

export const randomPart = ({ key, counter, out, size }: Random, workgroup: number): ShaderPart => {
  const word = (bindings: Bindings, { buffer, at }: View, i: number): string =>
    bindings.load(buffer, `${at.offset + i * at.strides[0]}u`)
  const pairs = Math.ceil(size / 2)
  return {
    wanted: [
      written(out, 'u32'),
      { buffer: key.buffer, dtype: 'u32', access: 'read' },
      { buffer: counter.buffer, dtype: 'u32', access: 'read' }
    ],
    workgroup,
    groups: Math.ceil(pairs / workgroup),
    body: (bindings) => [
      `let i = group * ${workgroup}u + t;`,
      `if (i >= ${pairs}u) { return; }`,
      `let key = vec2<u32>(${word(bindings, key, 0)}, ${word(bindings, key, 1)});`,
      `let counter = vec2<u32>(${word(bindings, counter, 0)} + i, ${word(bindings, counter, 1)});`,
      'let words = pe_threefry(key, counter);',
      bindings.store(out, '2u * i', 'words.x'),
      ...when([size % 2 === 0 ? 'true' : `2u * i + 1u < ${size}u`], [bindings.store(out, '2u * i + 1u', 'words.y')])
    ]
  }
}
