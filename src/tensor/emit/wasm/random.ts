/**
 * Random bits as a WebAssembly function: `threefry.ts` on many counters at a time.
 */

import type { Random } from '../../program/kernel.js'
import { range } from '../../range.js'
import { parity, rotations } from '../../threefry.js'
import { storeLanes } from './access.js'
import { doWhile, increase, set } from './assembler.js'
import type { Code, Local, Scope } from './assembler.js'
import * as i32 from './assembler/i32.js'
import * as i32x4 from './assembler/i32x4.js'
import * as i8x16 from './assembler/i8x16.js'
import * as v128 from './assembler/v128.js'
import { lanesIn } from './lanes.js'

/** Vectors of counters in one turn: a round waits for the one before it, so others run beside it. */
const streams = 4

/** Words of one turn: two of each of four counters of each stream. */
const words = 8 * streams

/** The two words of four counters. */
type Stream = { readonly x0: Local; readonly x1: Local }

const rotated = (x: Code, by: number): Code => {
  const bytes = by / 8
  if (!Number.isInteger(bytes)) return v128.or(i32x4.shl(x, i32.const(by)), i32x4.shrU(x, i32.const(32 - by)))
  const source = range(16).map((i) => i - (i % 4) + ((i + 4 - bytes) % 4))
  return i8x16.shuffle(x, x, source)
}

const mix = ({ x0, x1 }: Stream, rotation: number): Code => [
  set(x0, i32x4.add(x0, x1)),
  set(x1, v128.xor(rotated(x1, rotation), x0))
]

/** Which bytes of two vectors are lane `first` of both, then the next lane of both. */
const interleaved = (first: number): ReadonlyArray<number> =>
  [first, first + 1].flatMap((lane) => [0, 16].flatMap((from) => [0, 1, 2, 3].map((byte) => from + 4 * lane + byte)))

/** `address` gives the local that holds the address of a buffer. */
export const randomCode = (scope: Scope, random: Random, address: (buffer: number) => Local): Code => {
  const { key, counter, out, size } = random
  const [low, high, pair] = scope.locals('v128', 3)
  const schedule = scope.locals('v128', 3)
  /** The second key word of each injection, with its number added. */
  const injected = scope.locals('v128', 6)
  const all = range(streams).map((): Stream => ({ x0: scope.local('v128'), x1: scope.local('v128') }))

  const word = ({ buffer, at }: Random['key'], i: number): Code =>
    v128.load32Splat(address(buffer), 4 * (at.offset + i * at.strides[0]))

  const start = [
    set(schedule[0], word(key, 0)),
    set(schedule[1], word(key, 1)),
    set(schedule[2], v128.xor(v128.xor(schedule[0], schedule[1]), i32x4.all(parity))),
    injected.map((k, i) => set(k, i32x4.add(schedule[(i + 1) % 3], i32x4.all(i)))),
    set(low, i32x4.add(word(counter, 0), i32x4.const(0, 1, 2, 3))),
    set(high, word(counter, 1))
  ]

  const inject = ({ x0, x1 }: Stream, i: number): Code => [
    set(x0, i32x4.add(x0, schedule[i % 3])),
    set(x1, i32x4.add(x1, injected[i]))
  ]

  /** Draws the next `count` words, to the bytes from `to + offset` on. */
  const draw = (to: Code, offset: number, count: number): Code => {
    const drawn = all.slice(0, Math.ceil(count / 8))
    return [
      drawn.map(({ x0, x1 }, s) => [set(x0, i32x4.add(low, i32x4.all(4 * s))), set(x1, high)]),
      drawn.map((stream) => inject(stream, 0)),
      range(20).map((round) => [
        drawn.map((stream) => mix(stream, rotations[round % rotations.length])),
        round % 4 === 3 ? drawn.map((stream) => inject(stream, (round + 1) / 4)) : []
      ]),
      range(Math.ceil(count / 4)).map((i) => {
        const { x0, x1 } = drawn[Math.floor(i / 2)]
        const place = { address: to, offset: offset + 16 * i, stride: 4 }
        return [
          set(pair, i8x16.shuffle(x0, x1, interleaved(2 * (i % 2)))),
          storeLanes('u32', place, lanesIn(count - 4 * i), pair)
        ]
      })
    ]
  }

  const to = address(out)
  const offset = scope.local('i32')
  const rest = size % words
  const end = 4 * (size - rest)
  const turns = doWhile(
    [
      draw(i32.add(to, offset), 0, words),
      set(low, i32x4.add(low, i32x4.all(4 * streams))),
      increase(offset, i32.const(4 * words))
    ],
    i32.ltU(offset, i32.const(end))
  )
  return [start, end === 0 ? [] : turns, rest === 0 ? [] : draw(to, end, rest)]
}
