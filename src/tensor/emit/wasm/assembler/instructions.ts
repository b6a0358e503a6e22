/** Instructions, each a function from the code of its operands to the code of its result. */

import { type Code, unsigned, signed, littleEndian } from './code.js'

type Unary = (x: Code) => Code
type Binary = (x: Code, y: Code) => Code

const op1 =
  (opcode: number): Unary =>
  (x) => [x, opcode]

const op2 =
  (opcode: number): Binary =>
  (x, y) => [x, y, opcode]

const simd = (opcode: number): Code => [0xfd, unsigned(opcode)]

const v1 =
  (opcode: number): Unary =>
  (x) => [x, simd(opcode)]

const v2 =
  (opcode: number): Binary =>
  (x, y) => [x, y, simd(opcode)]

const v3 =
  (opcode: number) =>
  (x: Code, y: Code, z: Code): Code => [x, y, z, simd(opcode)]

/** `offset` is a constant number of bytes added to the address. Alignment is a hint: 1 byte promises nothing. */
type Load = (address: Code, offset?: number) => Code
type Store = (address: Code, value: Code, offset?: number) => Code

const place = (offset: number): Code => [0, unsigned(offset)]

const load =
  (opcode: Code): Load =>
  (address, offset = 0) => [address, opcode, place(offset)]

const store =
  (opcode: Code): Store =>
  (address, value, offset = 0) => [address, value, opcode, place(offset)]

const loadLane =
  (opcode: number) =>
  (address: Code, vector: Code, lane: number, offset = 0): Code => [address, vector, simd(opcode), place(offset), lane]

const extract =
  (opcode: number) =>
  (vector: Code, lane: number): Code => [vector, simd(opcode), lane]

const replace =
  (opcode: number) =>
  (vector: Code, value: Code, lane: number): Code => [vector, value, simd(opcode), lane]

export const i32 = {
  const: (value: number): Code => [0x41, signed(BigInt(value | 0))],
  load: load(0x28),
  load8U: load(0x2d),
  store: store(0x36),
  store8: store(0x3a),
  eqz: op1(0x45),
  eq: op2(0x46),
  ne: op2(0x47),
  ltS: op2(0x48),
  ltU: op2(0x49),
  gtS: op2(0x4a),
  gtU: op2(0x4b),
  leS: op2(0x4c),
  leU: op2(0x4d),
  geS: op2(0x4e),
  geU: op2(0x4f),
  clz: op1(0x67),
  ctz: op1(0x68),
  add: op2(0x6a),
  sub: op2(0x6b),
  mul: op2(0x6c),
  divS: op2(0x6d),
  divU: op2(0x6e),
  remS: op2(0x6f),
  remU: op2(0x70),
  and: op2(0x71),
  or: op2(0x72),
  xor: op2(0x73),
  shl: op2(0x74),
  shrS: op2(0x75),
  shrU: op2(0x76),
  rotl: op2(0x77),
  wrapI64: op1(0xa7),
  reinterpretF32: op1(0xbc),
  truncSatF64S: (x: Code): Code => [x, 0xfc, 0x02],
  truncSatF64U: (x: Code): Code => [x, 0xfc, 0x03]
}

export const i64 = {
  const: (value: bigint): Code => [0x42, signed(BigInt.asIntN(64, value))],
  load: load(0x29),
  store: store(0x37),
  eqz: op1(0x50),
  eq: op2(0x51),
  ltS: op2(0x53),
  ltU: op2(0x54),
  clz: op1(0x79),
  add: op2(0x7c),
  sub: op2(0x7d),
  mul: op2(0x7e),
  and: op2(0x83),
  or: op2(0x84),
  xor: op2(0x85),
  shl: op2(0x86),
  shrS: op2(0x87),
  shrU: op2(0x88),
  extendI32S: op1(0xac),
  extendI32U: op1(0xad),
  truncSatF64S: (x: Code): Code => [x, 0xfc, 0x06],
  reinterpretF64: op1(0xbd)
}

export const f32 = {
  const: (value: number): Code => [0x43, littleEndian(Float32Array.of(value))],
  load: load(0x2a),
  store: store(0x38),
  eq: op2(0x5b),
  ne: op2(0x5c),
  lt: op2(0x5d),
  gt: op2(0x5e),
  le: op2(0x5f),
  ge: op2(0x60),
  abs: op1(0x8b),
  neg: op1(0x8c),
  floor: op1(0x8e),
  nearest: op1(0x90),
  sqrt: op1(0x91),
  add: op2(0x92),
  sub: op2(0x93),
  mul: op2(0x94),
  div: op2(0x95),
  min: op2(0x96),
  max: op2(0x97),
  copysign: op2(0x98),
  demoteF64: op1(0xb6),
  convertI32S: op1(0xb2),
  convertI32U: op1(0xb3),
  reinterpretI32: op1(0xbe)
}

export const f64 = {
  const: (value: number): Code => [0x44, littleEndian(Float64Array.of(value))],
  load: load(0x2b),
  store: store(0x39),
  eq: op2(0x61),
  ne: op2(0x62),
  lt: op2(0x63),
  gt: op2(0x64),
  le: op2(0x65),
  ge: op2(0x66),
  abs: op1(0x99),
  neg: op1(0x9a),
  ceil: op1(0x9b),
  floor: op1(0x9c),
  trunc: op1(0x9d),
  nearest: op1(0x9e),
  sqrt: op1(0x9f),
  add: op2(0xa0),
  sub: op2(0xa1),
  mul: op2(0xa2),
  div: op2(0xa3),
  min: op2(0xa4),
  max: op2(0xa5),
  copysign: op2(0xa6),
  convertI32S: op1(0xb7),
  convertI32U: op1(0xb8),
  convertI64S: op1(0xb9),
  promoteF32: op1(0xbb),
  reinterpretI64: op1(0xbf)
}

export const v128 = {
  const: (bytes: ReadonlyArray<number>): Code => [simd(0x0c), bytes],
  load: load(simd(0x00)),
  load8x8U: load(simd(0x02)),
  load8Splat: load(simd(0x07)),
  load32Splat: load(simd(0x09)),
  load64Splat: load(simd(0x0a)),
  load32Zero: load(simd(0x5c)),
  load64Zero: load(simd(0x5d)),
  load8Lane: loadLane(0x54),
  load32Lane: loadLane(0x56),
  load64Lane: loadLane(0x57),
  store: store(simd(0x0b)),
  store8Lane: loadLane(0x58),
  store16Lane: loadLane(0x59),
  store32Lane: loadLane(0x5a),
  store64Lane: loadLane(0x5b),
  not: v1(0x4d),
  and: v2(0x4e),
  /** `x & ~y` */
  andnot: v2(0x4f),
  or: v2(0x50),
  xor: v2(0x51),
  /** The bits of `x` where `mask` has ones, else those of `y`. */
  bitselect: v3(0x52),
  anyTrue: v1(0x53)
}

export const i8x16 = {
  /** Sixteen byte numbers: 0 to 15 are of `x`, 16 to 31 of `y`. */
  shuffle: (x: Code, y: Code, lanes: ReadonlyArray<number>): Code => [x, y, simd(0x0d), lanes],
  swizzle: v2(0x0e),
  splat: v1(0x0f),
  extractLaneU: extract(0x16),
  narrowI16x8S: v2(0x65),
  narrowI16x8U: v2(0x66),
  bitmask: v1(0x64)
}

export const i16x8 = {
  narrowI32x4S: v2(0x85),
  narrowI32x4U: v2(0x86),
  extendLowI8x16U: v1(0x89)
}

export const i32x4 = {
  const: (a: number, b: number, c: number, d: number): Code =>
    v128.const(littleEndian(Int32Array.of(a | 0, b | 0, c | 0, d | 0))),
  /** A constant in every lane. */
  all: (x: number): Code => i32x4.const(x, x, x, x),
  splat: v1(0x11),
  extractLane: extract(0x1b),
  replaceLane: replace(0x1c),
  eq: v2(0x37),
  ne: v2(0x38),
  ltS: v2(0x39),
  ltU: v2(0x3a),
  gtS: v2(0x3b),
  gtU: v2(0x3c),
  leS: v2(0x3d),
  leU: v2(0x3e),
  geS: v2(0x3f),
  geU: v2(0x40),
  abs: v1(0xa0),
  neg: v1(0xa1),
  allTrue: v1(0xa3),
  bitmask: v1(0xa4),
  extendLowI16x8U: v1(0xa9),
  /** Shifts take an i32. */
  shl: v2(0xab),
  shrS: v2(0xac),
  shrU: v2(0xad),
  add: v2(0xae),
  sub: v2(0xb1),
  mul: v2(0xb5),
  minS: v2(0xb6),
  minU: v2(0xb7),
  maxS: v2(0xb8),
  maxU: v2(0xb9),
  truncSatF32x4S: v1(0xf8),
  truncSatF32x4U: v1(0xf9),
  truncSatF64x2SZero: v1(0xfc)
}

export const i64x2 = {
  const: (a: bigint, b: bigint): Code =>
    v128.const([a, b].flatMap((x) => Array.from({ length: 8 }, (_, i) => Number((x >> BigInt(8 * i)) & 0xffn)))),
  all: (x: bigint): Code => i64x2.const(x, x),
  splat: v1(0x12),
  extractLane: extract(0x1d),
  extendLowI32x4S: v1(0xc7),
  extendHighI32x4S: v1(0xc8),
  shl: v2(0xcb),
  shrS: v2(0xcc),
  shrU: v2(0xcd),
  add: v2(0xce),
  sub: v2(0xd1)
}

export const f32x4 = {
  const: (a: number, b: number, c: number, d: number): Code => v128.const(littleEndian(Float32Array.of(a, b, c, d))),
  /** A constant in every lane, rounded to f32. */
  all: (x: number): Code => f32x4.const(x, x, x, x),
  splat: v1(0x13),
  extractLane: extract(0x1f),
  replaceLane: replace(0x20),
  eq: v2(0x41),
  ne: v2(0x42),
  lt: v2(0x43),
  gt: v2(0x44),
  le: v2(0x45),
  ge: v2(0x46),
  ceil: v1(0x67),
  floor: v1(0x68),
  trunc: v1(0x69),
  nearest: v1(0x6a),
  abs: v1(0xe0),
  neg: v1(0xe1),
  sqrt: v1(0xe3),
  add: v2(0xe4),
  sub: v2(0xe5),
  mul: v2(0xe6),
  div: v2(0xe7),
  /** NaN where either side is NaN; -0 is below 0. */
  min: v2(0xe8),
  max: v2(0xe9),
  /** `y < x ? y : x` */
  pmin: v2(0xea),
  /** `x < y ? y : x` */
  pmax: v2(0xeb),
  convertI32x4S: v1(0xfa),
  convertI32x4U: v1(0xfb),
  demoteF64x2Zero: v1(0x5e),
  /** `x y + z`, rounded once or twice as the machine likes. */
  relaxedMadd: v3(0x105)
}

export const f64x2 = {
  all: (x: number): Code => v128.const(littleEndian(Float64Array.of(x, x))),
  splat: v1(0x14),
  extractLane: extract(0x21),
  replaceLane: replace(0x22),
  eq: v2(0x47),
  ne: v2(0x48),
  lt: v2(0x49),
  gt: v2(0x4a),
  le: v2(0x4b),
  ge: v2(0x4c),
  nearest: v1(0x94),
  floor: v1(0x75),
  abs: v1(0xec),
  neg: v1(0xed),
  sqrt: v1(0xef),
  add: v2(0xf0),
  sub: v2(0xf1),
  mul: v2(0xf2),
  div: v2(0xf3),
  min: v2(0xf4),
  max: v2(0xf5),
  /** As those of f32x4. */
  pmin: v2(0xf6),
  pmax: v2(0xf7),
  /** Of the two low lanes. */
  promoteLowF32x4: v1(0x5f),
  convertLowI32x4S: v1(0xfe),
  convertLowI32x4U: v1(0xff)
}

export const memory = {
  /** Sets `bytes` bytes from `address` to the low byte of `value`. */
  fill: (address: Code, value: Code, bytes: Code): Code => [address, value, bytes, 0xfc, 0x0b, 0x00],
  copy: (to: Code, from: Code, bytes: Code): Code => [to, from, bytes, 0xfc, 0x0a, 0x00, 0x00]
}
