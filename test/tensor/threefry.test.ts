import { describe, expect, it } from 'vitest'
import { threefry2x32, type Words } from '../../src/tensor/threefry.js'

describe('threefry2x32', () => {
  // Random123 1.14, tests/kat_vectors, lines "threefry2x32 20".
  const vectors: ReadonlyArray<readonly [key: Words, counter: Words, out: Words]> = [
    [
      [0, 0],
      [0, 0],
      [0x6b200159, 0x99ba4efe]
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x1cb996fc, 0xbb002be7]
    ],
    [
      [0x13198a2e, 0x03707344],
      [0x243f6a88, 0x85a308d3],
      [0xc4923a9c, 0x483df7a0]
    ]
  ]

  it.each(vectors)('of key %o and counter %o is the published %o', (key, counter, out) => {
    expect(threefry2x32(key, counter)).toEqual(out)
  })
})
