/**
 * Lanes in memory: loads and stores of one to four elements that lie side by side or a stride apart.
 *
 * Exactly the bytes of the elements asked for are touched. Elements of bool are bytes, and lanes of all ones or zeros in a
 * register.
 */

import type { DType } from '../../dtype.js'
import { range } from '../../range.js'
import type { Code } from './assembler.js'
import * as i16x8 from './assembler/i16x8.js'
import * as i32 from './assembler/i32.js'
import * as i32x4 from './assembler/i32x4.js'
import * as i8x16 from './assembler/i8x16.js'
import * as v128 from './assembler/v128.js'
import { allLanes, type Lanes } from './lanes.js'

/** Lane `l` is at byte `address + offset + l * stride`. `address` may stand several times. */
export type LanePointer = { readonly address: Code; readonly offset: number; readonly stride: number }

const zeros = i32x4.all(0)

/** Memory holds any byte for true. */
const maskOf = (words: Code): Code => i32x4.gtS(words, zeros)

const placeOfLane = ({ offset, stride }: LanePointer, lane: number): number => offset + lane * stride

const lanesBelow = (lanes: Lanes): ReadonlyArray<0 | 1 | 2 | 3> => allLanes.slice(0, lanes)

const loadWords = (place: LanePointer, lanes: Lanes): Code => {
  const { address, offset, stride } = place
  if (stride === 4 && lanes === 4) return v128.load(address, offset)
  if (stride === 4 && lanes === 2) return v128.load64Zero(address, offset)
  return lanesBelow(lanes)
    .slice(1)
    .reduce<Code>(
      (vector, lane) => v128.load32Lane(address, vector, lane, placeOfLane(place, lane)),
      v128.load32Zero(address, offset)
    )
}

const loadBytes = (place: LanePointer, lanes: Lanes): Code => {
  const { address, offset, stride } = place
  if (stride === 1 && lanes === 4) return i32x4.extendLowI16x8U(i16x8.extendLowI8x16U(v128.load32Zero(address, offset)))
  return lanesBelow(lanes).reduce<Code>(
    (vector, lane) => v128.load8Lane(address, vector, 4 * lane, placeOfLane(place, lane)),
    zeros
  )
}

/** The first `lanes` lanes; the others hold anything. */
export const loadLanes = (dtype: DType, place: LanePointer, lanes: Lanes): Code =>
  dtype === 'bool' ? maskOf(loadBytes(place, lanes)) : loadWords(place, lanes)

/** One element in every lane. */
export const loadSplat = (dtype: DType, { address, offset }: LanePointer): Code =>
  dtype === 'bool' ? maskOf(i32x4.splat(i32.load8U(address, offset))) : v128.load32Splat(address, offset)

const storeWords = (place: LanePointer, lanes: Lanes, value: Code): Code => {
  const { address, offset, stride } = place
  if (stride === 4 && lanes === 4) return v128.store(address, value, offset)
  if (stride === 4 && lanes === 2) return v128.store64Lane(address, value, 0, offset)
  return lanesBelow(lanes).map((lane) => v128.store32Lane(address, value, lane, placeOfLane(place, lane)))
}

const storeBytes = (place: LanePointer, lanes: Lanes, value: Code): Code => {
  const { address, offset, stride } = place
  if (stride === 1 && lanes === 4) return v128.store32Lane(address, packed(value), 0, offset)
  return lanesBelow(lanes).map((lane) =>
    v128.store8Lane(address, v128.and(value, i32x4.all(1)), 4 * lane, placeOfLane(place, lane))
  )
}

/** The low bytes of four masks, as 0 or 1. */
const packed = (mask: Code): Code => v128.and(i8x16.shuffle(mask, mask, lowBytes), i32x4.all(0x01010101))

const lowBytes = range(16).map((i) => 4 * (i % 4))

/** The first `lanes` lanes of `value`, which may stand several times. */
export const storeLanes = (dtype: DType, place: LanePointer, lanes: Lanes, value: Code): Code =>
  dtype === 'bool' ? storeBytes(place, lanes, value) : storeWords(place, lanes, value)

/** One element, of any dtype, into lane `lane` of what `emptyLanes` began and `lanesFrom` ends. */
export const loadLane = (dtype: DType, address: Code, offset: number, lane: number, into: Code): Code =>
  dtype === 'bool' ? v128.load8Lane(address, into, 4 * lane, offset) : v128.load32Lane(address, into, lane, offset)

export const emptyLanes = zeros

export const lanesFrom = (dtype: DType, words: Code): Code => (dtype === 'bool' ? maskOf(words) : words)
