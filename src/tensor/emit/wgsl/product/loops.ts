/**
 * The loop over the terms of a tile's sums, one way for each way that operands take from storage to registers.
 *
 * All of them find `row` and `column`, where the tile begins; `start` and `end`, the terms that it sums; `base`, where the matrix
 * begins in the result; and `t`, the number of the thread, or of its subgroup `subgroup`.
 */

import { matrixUnit, stagedRow, threadsOf, type Tile } from '../../../program/gpu/tiles.js'
import { range } from '../../../range.js'
import {
  acrossBlock,
  addressOf,
  advance,
  declareBlock,
  elementOf,
  loadBlock,
  plus,
  u32,
  type Block,
  type BoundOperand,
  type Operand
} from './operand.js'
import type { Lines, Memory } from '../shader.js'
import { addTerm, componentOf, declareSums, groupAt, groupsOf, putSums } from './sums.js'

export type LoopInput = {
  readonly tile: Tile
  readonly left: BoundOperand
  readonly right: BoundOperand
  /** The coordinates of the batch element. */
  readonly coordinates: ReadonlyArray<string>
  /** The function that stores sums. */
  readonly put: string
}

const indented = (lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.map((line) => `  ${line}`)

const block = (open: string, lines: ReadonlyArray<string>): ReadonlyArray<string> => [
  open === '' ? '{' : `${open} {`,
  ...indented(lines),
  '}'
]

const turns = (depth: number, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  block(`for (var p = start; p < end; p += ${u32(depth)})`, lines)

/** The thread's place among those of the tile. */
const threadPlace = (columns: number): ReadonlyArray<string> => [
  `let tx = t % ${u32(columns)};`,
  `let ty = t / ${u32(columns)};`
]

/** Each thread loads the blocks of its own rows and columns. */
export const registerLoop = ({ tile, left, right, coordinates, put }: LoopInput): Lines => {
  const groups = groupsOf(tile)
  const side = (
    operand: BoundOperand,
    prefix: string,
    count: number,
    origin: string,
    thread: string,
    threads: number
  ) =>
    range(count).map((g) => {
      const [name, outer, address] = [`${prefix}${g}_`, `${prefix}o${g}`, `${prefix}at${g}`]
      const found: Block = { operand, prefix: name }
      return {
        block: found,
        before: [
          `let ${outer} = ${origin} + (${groupAt(thread, g, threads)}) * 4u;`,
          `var ${address} = ${addressOf(operand, coordinates, outer, 'start')};`,
          declareBlock(name)
        ],
        turn: [...loadBlock(found, { address, outer, depth: 'p', end: 'end' }), `${address} += ${advance(operand, 4)};`]
      }
    })
  const lefts = side(left, 'a', groups.rows, 'row', 'ty', groups.threads.rows)
  const rights = side(right, 'b', groups.columns, 'column', 'tx', groups.threads.columns)
  const all = [...lefts, ...rights]
  const terms = range(4).flatMap((depth) => [
    ...block('', [
      ...rights.map((found, h) => `let c${h} = ${acrossBlock(found.block, depth)};`),
      ...addTerm(
        groups,
        (g, r) => elementOf(lefts[g].block, r, depth),
        (h) => `c${h}`
      )
    ])
  ])
  return [
    ...threadPlace(groups.threads.columns),
    ...all.flatMap(({ before }) => before),
    ...declareSums(groups),
    ...turns(4, [...all.flatMap(({ turn }) => turn), ...terms]),
    ...putSums(groups, put)
  ]
}

/** How a workgroup brings a turn's blocks of both operands into workgroup memory, some rounds of a block a thread. */
type Staging = {
  readonly before: ReadonlyArray<string>
  /** From storage to registers, for the turn at `p`. */
  readonly load: ReadonlyArray<string>
  /** From registers to workgroup memory. */
  readonly store: ReadonlyArray<string>
}

/** Where an operand's blocks go in workgroup memory: `depthStep` is one term. */
type Place = { readonly first: number; readonly depthStep: number; readonly blockStep: number }

const staging = (
  { tile, left, right, coordinates }: LoopInput,
  places: { readonly left: Place; readonly right: Place },
  store: (found: Block, place: Place, to: string) => ReadonlyArray<string>
): Staging => {
  const threads = threadsOf(tile)
  const depthBlocks = tile.depth / 4
  const sides = [
    { operand: left, origin: 'row', blocks: (tile.rows / 4) * depthBlocks, first: 0, place: places.left },
    {
      operand: right,
      origin: 'column',
      blocks: (tile.columns / 4) * depthBlocks,
      first: (tile.rows / 4) * depthBlocks,
      place: places.right
    }
  ]
  const rounds = range(Math.ceil((sides[1].first + sides[1].blocks) / threads)).map((round) => {
    const from = round * threads
    const [item, outer, depth, address, to, prefix] = ['item', 'o', 'd', 'at', 'to', 'v'].map((n) => `${n}${round}`)
    const taking = sides.filter(({ first, blocks }) => first < from + threads && from < first + blocks)
    /** Lines for the side that a thread's block is of. */
    const either = (lines: (side: (typeof sides)[number]) => ReadonlyArray<string>): ReadonlyArray<string> =>
      taking.flatMap((side) => {
        const conditions = [
          ...(from < side.first ? [`${item} >= ${u32(side.first)}`] : []),
          ...(side.first + side.blocks < from + threads ? [`${item} < ${u32(side.first + side.blocks)}`] : [])
        ]
        return conditions.length === 0 ? lines(side) : block(`if (${conditions.join(' && ')})`, lines(side))
      })
    const found = ({ operand }: (typeof sides)[number]): Block => ({ operand, prefix: `${prefix}_` })
    return {
      before: [
        `let ${item} = t + ${u32(from)};`,
        `var ${outer}: u32; var ${depth}: u32; var ${address}: u32; var ${to}: u32;`,
        declareBlock(`${prefix}_`),
        ...either(({ operand, origin, first, blocks, place }) => {
          const along = operand.along === 'depth' ? depthBlocks : blocks / depthBlocks
          const [near, far] = [`(${item} - ${u32(first)}) % ${u32(along)}`, `(${item} - ${u32(first)}) / ${u32(along)}`]
          const [inOuter, inDepth] = operand.along === 'depth' ? [far, near] : [near, far]
          return [
            `${outer} = ${inOuter};`,
            `${depth} = ${inDepth};`,
            `${to} = ${plus(`${depth} * ${u32(4 * place.depthStep)} + ${outer} * ${u32(place.blockStep)}`, place.first)};`,
            `${outer} = ${origin} + ${outer} * 4u;`,
            `${depth} = start + ${depth} * 4u;`,
            `${address} = ${addressOf(operand, coordinates, outer, depth)};`
          ]
        })
      ],
      load: [
        ...either((side) => [
          ...loadBlock(found(side), { address, outer, depth, end: 'end' }),
          `${address} += ${advance(side.operand, tile.depth)};`
        ]),
        `${depth} += ${u32(tile.depth)};`
      ],
      store: either((side) => store(found(side), side.place, to))
    }
  })
  return {
    before: rounds.flatMap(({ before }) => before),
    load: rounds.flatMap(({ load }) => load),
    store: rounds.flatMap(({ store: lines }) => lines)
  }
}

/** The turns of a loop through workgroup memory. With `prefetch` a turn loads what the next one multiplies. */
const stagedTurns = (
  { depth, prefetch }: Tile,
  { before, load, store }: Staging,
  multiply: ReadonlyArray<string>
): ReadonlyArray<string> => [
  ...before,
  ...(prefetch ? load : []),
  ...turns(depth, [
    ...(prefetch ? [] : load),
    ...store,
    'workgroupBarrier();',
    ...(prefetch ? block(`if (p + ${u32(depth)} < end)`, load) : []),
    ...multiply,
    'workgroupBarrier();'
  ])
]

/** Operands in workgroup memory as rows of vectors, a row for each term: those of the left one, then those of the right one. */
export const stagedLoop = (input: LoopInput): Lines => {
  const { tile, put } = input
  const groups = groupsOf(tile)
  const [leftRow, rightRow] = [stagedRow(tile.rows), stagedRow(tile.columns)]
  const rightFirst = tile.depth * leftRow
  const staged = staging(
    input,
    {
      left: { first: 0, depthStep: leftRow, blockStep: 1 },
      right: { first: rightFirst, depthStep: rightRow, blockStep: 1 }
    },
    (found, { depthStep }, to) =>
      range(4).map((depth) => `tile[${to} + ${u32(depth * depthStep)}] = ${acrossBlock(found, depth)};`)
  )
  const terms = range(tile.depth).flatMap((depth) =>
    block('', [
      ...range(groups.rows).map((g) => `let a${g} = tile[ty + ${u32(depth * leftRow + g * groups.threads.rows)}];`),
      ...range(groups.columns).map(
        (h) => `let b${h} = tile[tx + ${u32(rightFirst + depth * rightRow + h * groups.threads.columns)}];`
      ),
      ...addTerm(
        groups,
        (g, r) => componentOf(`a${g}`, r),
        (h) => `b${h}`
      )
    ])
  )
  return [
    ...threadPlace(groups.threads.columns),
    ...declareSums(groups),
    ...stagedTurns(tile, staged, terms),
    ...putSums(groups, put)
  ]
}

const halves = ({ name }: Pick<Operand, 'name'>): string => `${name}Halves`

/**
 * Operands in workgroup memory in f16, a row for each term, multiplied by subgroups as matrices; the sums return through workgroup
 * memory, because a matrix can neither be guarded nor be given an epilogue.
 */
export const matrixLoop = (input: LoopInput): Lines => {
  const { tile, left, right, put } = input
  const { rows, columns, depth, threadRows, threadColumns } = tile
  const staged = staging(
    input,
    { left: { first: 0, depthStep: rows, blockStep: 4 }, right: { first: 0, depthStep: columns, blockStep: 4 } },
    (found, { depthStep }, to) =>
      range(4).flatMap((d) =>
        range(4).map(
          (o) => `${halves(found.operand)}[${to} + ${u32(d * depthStep + o)}] = f16(${elementOf(found, o, d)});`
        )
      )
  )
  const down = range(threadRows / matrixUnit)
  const across = range(threadColumns / matrixUnit)
  const shape = `${matrixUnit}, ${matrixUnit}`
  const terms = range(depth / matrixUnit).flatMap((step) =>
    block('', [
      ...down.map((i) => {
        const at = u32(step * matrixUnit * rows + i * matrixUnit)
        return `let a${i} = subgroupMatrixLoad<subgroup_matrix_left<f16, ${shape}>>(&${halves(left)}, subgroupRow + ${at}, true, ${u32(rows)});`
      }),
      ...across.map((j) => {
        const at = u32(step * matrixUnit * columns + j * matrixUnit)
        return `let b${j} = subgroupMatrixLoad<subgroup_matrix_right<f16, ${shape}>>(&${halves(right)}, subgroupColumn + ${at}, false, ${u32(columns)});`
      }),
      ...down.flatMap((i) =>
        across.map((j) => `m${i}_${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, m${i}_${j});`)
      )
    ])
  )
  const vectors = (rows * columns) / 4
  return [
    `let subgroupRow = subgroup / ${u32(columns / threadColumns)} * ${u32(threadRows)};`,
    `let subgroupColumn = subgroup % ${u32(columns / threadColumns)} * ${u32(threadColumns)};`,
    ...down.flatMap((i) => across.map((j) => `var m${i}_${j}: subgroup_matrix_result<f32, ${shape}>;`)),
    ...stagedTurns(tile, staged, terms),
    ...down.flatMap((i) =>
      across.map(
        (j) =>
          `subgroupMatrixStore(&sumTile, (subgroupRow + ${u32(i * matrixUnit)}) * ${u32(columns)} + subgroupColumn + ${u32(j * matrixUnit)}, m${i}_${j}, false, ${u32(columns)});`
      )
    ),
    'workgroupBarrier();',
    ...block(`for (var q = t; q < ${u32(vectors)}; q += ${u32(threadsOf(tile))})`, [
      `let sums = vec4<f32>(${range(4)
        .map((c) => `sumTile[q * 4u + ${u32(c)}]`)
        .join(', ')});`,
      `${put}(base, row + q / ${u32(columns / 4)}, column + q % ${u32(columns / 4)} * 4u, sums);`
    ])
  ]
}

const [leftSide, rightSide] = [{ name: 'left' }, { name: 'right' }] as const

/** The workgroup memory that a tile's loop needs. */
export const tileMemory = ({ via, rows, columns, depth }: Tile): ReadonlyArray<Memory> => {
  switch (via) {
    case 'staged':
      return [{ name: 'tile', type: 'vec4<f32>', count: depth * (stagedRow(rows) + stagedRow(columns)) }]
    case 'registers':
      return []
    case 'matrices':
      return [
        { name: halves(leftSide), type: 'f16', count: depth * rows },
        { name: halves(rightSide), type: 'f16', count: depth * columns },
        { name: 'sumTile', type: 'f32', count: rows * columns }
      ]
  }
}
