/**
 * Values computed again where they are read, from what is stored anyway, instead of stored and loaded.
 *
 * A softmax of scores that lie in memory is computed from them in the backward pass as in the forward pass; the derivative of an activation
 * from its input. That pays on devices that compute far faster than they load.
 */

import { elementBytes, type DeviceLimits } from '../device-limits.js'
import type { FusedStep } from '../fused.js'
import type { KernelProgram } from '../kernel.js'
import { pruned, readsOfGroup, type Group } from './group.js'
import { mergeConsumer } from './merge.js'

/** A kernel of the result, in the order in which they run. */
export type Turn = {
  /** `undefined` of what is no loop. */
  readonly group: Group | undefined
  readonly reads: ReadonlySet<number>
}

const hasFolds = ({ body }: Group): boolean => body.some(({ _tag }) => _tag === 'fold')

/** The group with what it stores beside a buffer, element for element, loaded. */
const loading = (group: Group, buffer: number): Group => {
  const stored = new Map<number, FusedStep>()
  group.stores.forEach(({ buffer: other, at, value, fn, scatter }) => {
    const { _tag, dtype } = group.body[value]
    if (other !== buffer && fn === undefined && scatter === undefined && _tag !== 'load')
      stored.set(value, { _tag: 'load', dtype, buffer: other, at })
  })
  return { ...group, body: group.body.map((step, i) => stored.get(i) ?? step) }
}

/** What computes one of the values that a group stores; `undefined` where that is not to be had twice. */
const sliceOf = (group: Group, buffer: number): Group | undefined => {
  const stores = group.stores.filter((store) => store.buffer === buffer)
  const slice = pruned({ ...group, stores })
  const isAlone = stores.length === 1 && stores[0].scatter === undefined
  return isAlone && !slice.body.some(({ _tag }) => _tag === 'lookup') ? slice : undefined
}

/** The group with what it loads of a buffer computed in it. */
const including = (slice: Group, group: Group, buffer: number, limits: DeviceLimits): Group | undefined => {
  // What has no folds may yet be done where a product has its result.
  if (hasFolds(slice) && !hasFolds(group)) return undefined
  const kept = new Set(group.stores.map((store) => store.buffer))
  // The buffer itself counts among those that vanish.
  const roomy = { ...limits, joinedBuffers: limits.joinedBuffers + 1 }
  const whole = mergeConsumer({ limits: roomy, isKept: (b) => kept.has(b) })(slice, group)
  return whole && { ...whole, stores: whole.stores.filter((store) => store.buffer !== buffer) }
}

/** Of what a loop reads the smallest that is worth a thought, as a part of the largest. */
const leastPart = 1 / 8

/** The same kernels, some of which compute what they loaded. Those whose results nobody reads then are still there. */
export const rematerialised = <T extends Turn>(
  turns: ReadonlyArray<T>,
  { inputs, outputs, buffers }: KernelProgram,
  limits: DeviceLimits
): ReadonlyArray<T> => {
  if (!limits.rematerialises) return turns
  const bytes = (buffer: number): number => buffers[buffer].size * elementBytes(buffers[buffer].dtype, limits)
  const writers = new Map<number, Array<number>>()
  const readers = new Map<number, Array<number>>()
  const enter = (index: Map<number, Array<number>>, buffer: number, turn: number): void => {
    index.set(buffer, [...(index.get(buffer) ?? []), turn])
  }
  turns.forEach(({ group, reads }, turn) => {
    group?.stores.forEach(({ buffer }) => enter(writers, buffer, turn))
    reads.forEach((buffer) => enter(readers, buffer, turn))
  })
  const isTemporary = (buffer: number): boolean => buffer >= inputs + outputs
  const now = turns.map((turn, i): T => {
    const isWanted = (buffer: number): boolean =>
      !isTemporary(buffer) || (readers.get(buffer) ?? []).some((reader) => reader !== i)
    const { group } = turn
    return group === undefined
      ? turn
      : { ...turn, group: pruned({ ...group, stores: group.stores.filter(({ buffer }) => isWanted(buffer)) }) }
  })

  type Change = { readonly turn: number; readonly group: Group; readonly more: number }

  const changeOf = (slice: Group, buffer: number, turn: number): Change | undefined => {
    const { group, reads } = now[turn]
    if (group === undefined || leastPart * Math.max(...[...reads].map(bytes)) > bytes(buffer)) return undefined
    const whole = including(slice, group, buffer, limits)
    if (whole === undefined) return undefined
    const more = [...readsOfGroup(slice)].filter((b) => !reads.has(b)).reduce((sum, b) => sum + bytes(b), 0)
    return { turn, group: whole, more }
  }

  const best = (changes: ReadonlyArray<Change>): Change | undefined =>
    changes.reduce<Change | undefined>((a, b) => (a === undefined || b.more < a.more ? b : a), undefined)

  for (const [buffer, [writer, ...others]] of writers) {
    if (others.length > 0 || bytes(buffer) < limits.sharedBytes) continue
    const { group } = now[writer]
    const all = readers.get(buffer) ?? []
    if (group === undefined || all.length === 0) continue
    // From what else is stored of it where that is read anyway, else from what its own kernel reads.
    const slices = [loading(group, buffer), group].flatMap((whole) => sliceOf(whole, buffer) ?? [])
    const changes = all.flatMap((turn) => best(slices.flatMap((slice) => changeOf(slice, buffer, turn) ?? [])) ?? [])
    const isGone = changes.length === all.length && isTemporary(buffer)
    const saved = changes.reduce((sum, { more }) => sum + bytes(buffer) - more, isGone ? bytes(buffer) : 0)
    const taken = isGone && saved > 0 ? changes : changes.filter(({ more }) => more < bytes(buffer))
    taken.forEach(({ turn, group: whole }) => {
      now[turn] = { ...now[turn], group: whole, reads: readsOfGroup(whole) }
      now[turn].reads.forEach((b) => {
        if (!(readers.get(b) ?? []).includes(turn)) enter(readers, b, turn)
      })
    })
  }
  return now
}
