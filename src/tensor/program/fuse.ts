/**
 * Kernels to fused kernels: which of them become one loop, and in which order all of them run.
 *
 * One walk over the kernels. Each loop joins the loops whose results it reads, then loops that read what it reads, as far as they walk
 * their buffers alike and nothing else must run between them. Buffers that only one loop writes and reads vanish.
 */

import { elementBytes, type DeviceLimits } from './device-limits.js'
import {
  loopWithBuffers,
  randomWithBuffers,
  readsOfFused,
  writesOfFused,
  type FusedKernel,
  type FusedProgram
} from './fused.js'
import { chains, type Chains } from './fuse/chains.js'
import { groupOf, readsOfGroup, type Group } from './fuse/group.js'
import { readsOf, writeOf, type Kernel, type KernelProgram } from './kernel.js'
import { mergeConsumer, mergeSiblings, type Joining } from './fuse/merge.js'
import { hasPath, level } from './fuse/precedence.js'
import { rematerialised } from './fuse/rematerialise.js'
import { loopOf } from './fuse/rows.js'
import { listed } from './listed.js'

/** How many kernels apart two loops may be that only read the same. */
const farthestSibling = 64

/** One kernel of the result while it is being made. */
type Node = {
  /** `undefined` for products, random bits, and loops that share a buffer with another writer. */
  readonly group: Group | undefined
  readonly kernels: ReadonlyArray<number>
  readonly reads: ReadonlySet<number>
  readonly writes: ReadonlySet<number>
  /** Nodes that must have run before, and those that must run after. */
  readonly before: Set<Node>
  readonly after: Set<Node>
  /** See `fuse/precedence.ts`. */
  level: number
}

const first = ({ kernels }: Node): number => kernels[0]
const last = ({ kernels }: Node): number => kernels[kernels.length - 1]

const merged = (looked: () => void, a: Node, b: Node, group: Group): Node => {
  const others = (list: ReadonlySet<Node>): ReadonlyArray<Node> => [...list].filter((n) => n !== a && n !== b)
  const node: Node = {
    group,
    kernels: [...a.kernels, ...b.kernels].sort((x, y) => x - y),
    reads: readsOfGroup(group),
    writes: new Set([...a.writes, ...b.writes]),
    before: new Set([...others(a.before), ...others(b.before)]),
    after: new Set([...others(a.after), ...others(b.after)]),
    level: b.level
  }
  for (const old of [a, b]) {
    old.before.forEach((n) => n.after.delete(old))
    old.after.forEach((n) => n.before.delete(old))
  }
  node.before.forEach((n) => n.after.add(node))
  node.after.forEach((n) => n.before.add(node))
  level(looked, node, Math.min(a.level, b.level), Math.max(a.level, b.level))
  return node
}

type Fusing = {
  readonly program: KernelProgram
  readonly limits: DeviceLimits
  /** The kernels that read each buffer. */
  readonly kernelReaders: ReadonlyMap<number, ReadonlyArray<number>>
  readonly nodes: Set<Node>
  readonly chains: Chains
  readonly looked: () => void
  /** The nodes that write each buffer (of several the last, which runs after the others), and those that read it. */
  readonly writers: Index
  readonly readers: Index
}

/** Nodes by buffer, in the order of their last kernels: a node enters when its last kernel is the newest of all. */
type Index = Map<number, Array<Node>>

/** The position of the first node whose last kernel is the given one or a later one. */
const firstSince = (list: ReadonlyArray<Node>, kernel: number): number => {
  let [lo, hi] = [0, list.length]
  while (lo < hi) {
    const middle = (lo + hi) >> 1
    if (last(list[middle]) >= kernel) hi = middle
    else lo = middle + 1
  }
  return lo
}

const without = (list: Array<Node>, node: Node): void => {
  list.splice(list.indexOf(node, firstSince(list, last(node))), 1)
}

const enter = ({ nodes, writers, readers }: Fusing, node: Node): void => {
  nodes.add(node)
  node.writes.forEach((buffer) => listed(writers, buffer).push(node))
  node.reads.forEach((buffer) => listed(readers, buffer).push(node))
}

const leave = ({ nodes, writers, readers }: Fusing, node: Node): void => {
  nodes.delete(node)
  node.writes.forEach((buffer) => without(listed(writers, buffer), node))
  node.reads.forEach((buffer) => without(listed(readers, buffer), node))
}

const bytesOf = ({ program, limits }: Fusing, buffer: number): number => {
  const { dtype, size } = program.buffers[buffer]
  return size * elementBytes(dtype, limits)
}

const isTemporary = ({ inputs, outputs }: KernelProgram, buffer: number): boolean => buffer >= inputs + outputs

/** Whether a buffer is still wanted where all of these kernels are one loop. */
const isKeptBeside =
  ({ program, kernelReaders }: Fusing, kernels: ReadonlySet<number>) =>
  (buffer: number): boolean =>
    !isTemporary(program, buffer) || (kernelReaders.get(buffer) ?? []).some((k) => !kernels.has(k))

/** Whether one loop is certain to run before another: by the chain of its last kernel, and a kernel on it that is no loop. */
const isFarBefore = ({ chains: { climb, hasWallBetween } }: Fusing, from: Node, to: Node): boolean => {
  const end = last(to)
  let at = climb(end, last(from))
  while (at !== undefined && at >= first(from)) {
    if (from.kernels.includes(at) && hasWallBetween(at, end)) return true
    at = climb(at, at - 1)
  }
  return false
}

/** How two groups become one, if they do. */
type Merge = (joining: Joining) => (a: Group, b: Group) => Group | undefined

const tryMerge = (f: Fusing, a: Node, b: Node, merge: Merge): Node | undefined => {
  if (a.group === undefined || b.group === undefined) return undefined
  if (isFarBefore(f, a, b) || isFarBefore(f, b, a)) return undefined
  if (hasPath(f.looked, a, b) || hasPath(f.looked, b, a)) return undefined
  const isKept = isKeptBeside(f, new Set([...a.kernels, ...b.kernels]))
  const group = merge({ limits: f.limits, isKept })(a.group, b.group)
  if (group === undefined) return undefined
  leave(f, a)
  leave(f, b)
  const node = merged(f.looked, a, b, group)
  enter(f, node)
  return node
}

/** Joins `node` with a loop whose results it reads, largest first. */
const withProducer = (f: Fusing, node: Node): Node | undefined => {
  const inputs = [...node.reads].sort((a, b) => bytesOf(f, b) - bytesOf(f, a))
  for (const buffer of inputs) {
    for (const producer of listed(f.writers, buffer)) {
      const found = tryMerge(f, producer, node, mergeConsumer)
      if (found !== undefined) return found
    }
  }
  return undefined
}

const withSibling = (f: Fusing, node: Node): Node | undefined => {
  const isWorth = (buffer: number): boolean => bytesOf(f, buffer) >= f.limits.sharedBytes
  for (const buffer of node.reads) {
    if (!isWorth(buffer)) continue
    const readers = listed(f.readers, buffer)
    for (const sibling of readers.slice(firstSince(readers, last(node) - farthestSibling))) {
      if (sibling === node || sibling.before.has(node) || node.before.has(sibling)) continue
      const found = tryMerge(f, sibling, node, (joining) => mergeSiblings(joining, isWorth))
      if (found !== undefined) return found
    }
  }
  return undefined
}

const nodeOf = (f: Fusing, kernel: Kernel, k: number, isShared: (buffer: number) => boolean): Node => {
  const reads = new Set(readsOf(kernel))
  const write = writeOf(kernel)
  const isLoop = (kernel._tag === 'loop' || kernel._tag === 'scatter') && !isShared(write)
  const node: Node = {
    group: isLoop ? groupOf(kernel) : undefined,
    kernels: [k],
    reads,
    writes: new Set([write]),
    before: new Set([...reads, write].flatMap((buffer) => [...listed(f.writers, buffer)])),
    after: new Set(),
    level: k
  }
  let latest = -1
  for (const n of node.before) {
    f.looked()
    n.after.add(node)
    latest = Math.max(latest, last(n))
  }
  f.chains.add(latest < 0 ? undefined : latest, node.group === undefined)
  // Whoever waits for this one waits for the writers before it: a concatenation has one for each part.
  if (isShared(write)) f.writers.set(write, [])
  enter(f, node)
  return node
}

/**
 * The nodes in an order in which each runs after what it needs. Those that nobody waits for, such as the products that are
 * gradients of weights, run as soon as they can: what they read is kept for their sake.
 */
const ordered = (nodes: ReadonlySet<Node>): ReadonlyArray<Node> => {
  const byLast = [...nodes].sort((a, b) => last(a) - last(b))
  const done = new Set<Node>()
  const order: Array<Node> = []
  const latestFirst = (list: ReadonlyArray<Node>): ReadonlyArray<Node> => [...list].sort((a, b) => last(b) - last(a))
  const isDue = ({ before, after }: Node): boolean => after.size === 0 && [...before].every((n) => done.has(n))
  const place = (root: Node): void => {
    const stack = [root]
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      const waiting = [...node.before].filter((n) => !done.has(n))
      for (const n of latestFirst(waiting)) stack.push(n)
      if (waiting.length > 0) continue
      stack.pop()
      if (done.has(node)) continue
      done.add(node)
      order.push(node)
      for (const n of latestFirst([...node.after].filter(isDue))) stack.push(n)
    }
  }
  byLast.forEach(place)
  return order
}

/** Leaves out the buffers that nothing uses, and counts the others anew. */
const renumbered = (program: KernelProgram, kernels: ReadonlyArray<Unpanelled>): FusedProgram => {
  const fixed = program.inputs + program.outputs
  const used = new Set(kernels.flatMap((kernel) => [...readsOfFused(kernel), ...writesOfFused(kernel)]))
  const kept = program.buffers.flatMap((_, buffer) => (buffer < fixed || used.has(buffer) ? [buffer] : []))
  const numbers = new Map(kept.map((buffer, i) => [buffer, i]))
  const number = (buffer: number): number => numbers.get(buffer) ?? buffer
  return {
    inputs: program.inputs,
    outputs: program.outputs,
    buffers: kept.map((buffer) => program.buffers[buffer]),
    kernels: kernels.map((kernel) => withBuffers(kernel, number))
  }
}

/** `panels` are made later. */
type Unpanelled = Exclude<FusedKernel, { readonly _tag: 'panels' }>

const withBuffers = (kernel: Unpanelled, number: (buffer: number) => number): Unpanelled => {
  switch (kernel._tag) {
    case 'loop':
      return loopWithBuffers(kernel, number)
    case 'contraction':
      return { ...kernel, left: number(kernel.left), right: number(kernel.right), out: number(kernel.out) }
    case 'random':
      return randomWithBuffers(kernel, number)
  }
}

/** A kernel on its own. */
const alone = (kernel: Kernel, limits: DeviceLimits): Unpanelled =>
  kernel._tag === 'loop' || kernel._tag === 'scatter' ? loopOf(groupOf(kernel), () => true, limits) : kernel

/** The same kernels, each on its own. */
export const unfused = (program: KernelProgram, limits: DeviceLimits): FusedProgram => ({
  ...program,
  kernels: program.kernels.map((kernel) => alone(kernel, limits))
})

/** `looked` is told of each look at whether one node must run before another: what fusing costs. */
export const fuse = (
  program: KernelProgram,
  limits: DeviceLimits,
  looked: () => void = () => undefined
): FusedProgram => {
  const kernelReaders = new Map<number, Array<number>>()
  program.kernels.forEach((kernel, k) => readsOf(kernel).forEach((buffer) => listed(kernelReaders, buffer).push(k)))
  const f: Fusing = {
    program,
    limits,
    kernelReaders,
    nodes: new Set(),
    chains: chains(),
    looked,
    writers: new Map(),
    readers: new Map()
  }
  const writes = new Map<number, number>()
  program.kernels.forEach((kernel) => writes.set(writeOf(kernel), (writes.get(writeOf(kernel)) ?? 0) + 1))
  const isShared = (buffer: number): boolean => (writes.get(buffer) ?? 0) > 1
  program.kernels.forEach((kernel, k) => {
    let node: Node | undefined = nodeOf(f, kernel, k, isShared)
    while (node !== undefined) node = node.group && (withProducer(f, node) ?? withSibling(f, node))
  })

  const turns = ordered(f.nodes).map(({ group, kernels: [kernel], reads }) => ({ group, kernel, reads }))
  const kernels: Array<Unpanelled> = []
  const wanted = new Set(program.buffers.flatMap((_, buffer) => (isTemporary(program, buffer) ? [] : [buffer])))
  // The last first: what only they read, who are not wanted themselves, is not wanted.
  for (const { group, kernel } of [...rematerialised(turns, program, limits)].reverse()) {
    const made =
      group === undefined
        ? alone(program.kernels[kernel], limits)
        : group.stores.some(({ buffer }) => wanted.has(buffer))
          ? loopOf(group, (buffer) => wanted.has(buffer), limits)
          : undefined
    if (made === undefined) continue
    readsOfFused(made).forEach((buffer) => wanted.add(buffer))
    kernels.unshift(made)
  }
  return renumbered(program, kernels)
}
