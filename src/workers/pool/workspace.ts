/**
 * A workspace: the one block of the shared memory that a thread works in.
 *
 * A thread can end at any moment, and what it had allocated for itself would then be lost to all. So it allocates nothing:
 * its supervisor allocates the workspace, and gives it to the next thread once this one has ended.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { Memory } from '../../tensor/run/memory/memory.js'

/** `bytes` bytes from byte `address`, a multiple of 64. */
export type Workspace = { readonly address: number; readonly bytes: number }

export const noWorkspace: Workspace = { address: 0, bytes: 0 }

export type WorkspaceMemory = {
  /** All of the memory to look at; to allocate there is the block, once, and `OutOfMemory` for anything beyond it. */
  readonly memory: Memory
  /** Says which workspace there is from now on. */
  readonly use: (workspace: Workspace) => void
  /** What could not be had since the last `use`; `undefined` where all could. */
  readonly missing: IO<Missing | undefined>
}

/** The bytes of a block that could not be had, and the fewest bytes that would do. */
export type Missing = { readonly bytes: number; readonly least: number }

export const workspaceMemory = (whole: Memory): WorkspaceMemory => {
  let workspace = noWorkspace
  let inUse = 0
  let missing: Missing | undefined
  return {
    memory: {
      ...whole,
      allocate: (bytes) => {
        if (bytes === 0) return whole.allocate(0)
        if (inUse === 0 && bytes <= workspace.bytes) {
          inUse = bytes
          return E.right(workspace.address)
        }
        // Asked for with more at first: a device would work in a region for all its programs.
        missing = { bytes: missing?.bytes ?? bytes, least: bytes }
        return E.left({ _tag: 'OutOfMemory', wanted: bytes, inUse, limit: workspace.bytes })
      },
      free: (_, bytes) => {
        if (bytes > 0) inUse = 0
      },
      inUse: () => inUse
    },
    use: (next) => {
      workspace = next
      missing = undefined
    },
    missing: () => missing
  }
}
