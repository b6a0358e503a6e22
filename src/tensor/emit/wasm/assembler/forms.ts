/**
 * Forms of instructions: from an opcode to the function that an instruction is, from the code of its operands to the code of its
 * result.
 *
 * The annotations tell bundlers that nothing else happens there, so that a page carries the instructions that it uses.
 */

import { unsigned, type Code } from './code.js'

/* @__NO_SIDE_EFFECTS__ */
export const unary =
  (opcode: number) =>
  (x: Code): Code => [x, opcode]

/* @__NO_SIDE_EFFECTS__ */
export const binary =
  (opcode: number) =>
  (x: Code, y: Code): Code => [x, y, opcode]

/** An opcode of the vector instructions. */
/* @__NO_SIDE_EFFECTS__ */
export const simd = (opcode: number): Code => [0xfd, unsigned(opcode)]

/* @__NO_SIDE_EFFECTS__ */
export const unaryLanes =
  (opcode: number) =>
  (x: Code): Code => [x, simd(opcode)]

/* @__NO_SIDE_EFFECTS__ */
export const binaryLanes =
  (opcode: number) =>
  (x: Code, y: Code): Code => [x, y, simd(opcode)]

/* @__NO_SIDE_EFFECTS__ */
export const ternaryLanes =
  (opcode: number) =>
  (x: Code, y: Code, z: Code): Code => [x, y, z, simd(opcode)]

const place = (offset: number): Code => [0, unsigned(offset)]

/** `offset` is a constant number of bytes added to the address. Alignment is a hint: 1 byte promises nothing. */
/* @__NO_SIDE_EFFECTS__ */
export const loading =
  (opcode: Code) =>
  (address: Code, offset = 0): Code => [address, opcode, place(offset)]

/* @__NO_SIDE_EFFECTS__ */
export const storing =
  (opcode: Code) =>
  (address: Code, value: Code, offset = 0): Code => [address, value, opcode, place(offset)]

/** Loads one lane of `vector`, or stores it. */
/* @__NO_SIDE_EFFECTS__ */
export const withLane =
  (opcode: number) =>
  (address: Code, vector: Code, lane: number, offset = 0): Code => [address, vector, simd(opcode), place(offset), lane]

/* @__NO_SIDE_EFFECTS__ */
export const extracting =
  (opcode: number) =>
  (vector: Code, lane: number): Code => [vector, simd(opcode), lane]

/* @__NO_SIDE_EFFECTS__ */
export const replacing =
  (opcode: number) =>
  (vector: Code, value: Code, lane: number): Code => [vector, value, simd(opcode), lane]
