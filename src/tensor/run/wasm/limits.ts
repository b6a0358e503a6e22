/**
 * What the `wasm` device can do and what it finds dear: vectors of four lanes, sixteen registers, caches, a compiler in a hurry.
 */

import { alignment } from '../../alignment.js'
import type { DeviceLimits } from '../../program/device-limits.js'

export const wasmLimits: DeviceLimits = {
  // Engines take functions of 1,000 arguments, three of which are no buffers.
  kernelBuffers: 997,
  // Past these, engines compile slowly and registers run out.
  joinedBuffers: 32,
  inlinedSteps: 128,
  joinedSteps: 160,
  combinesWithRowWork: true,
  scattersWithRowWork: true,
  drawsInLoops: false,
  sharesPartials: false,
  rematerialises: false,
  lanes: 4,
  shortestRow: 8,
  largeSize: 4096,
  sharedBytes: 4096,
  costs: { gathered: 4, dear: 16, recomputed: 6, strided: 16, combined: 3 },
  boolBytes: 1,
  alignment,
  // A panel along rows fits the second cache with 256 KiB; for thinner ones products waste much of what they do.
  panels: { leastResult: 32_768, largestPanel: 65_536, fewestRows: 32 }
}
