/**
 * The `reference` device in the terms of those that compile: one operation after another, each with arrays of its own.
 *
 * It makes no kernels. This says in which order its outputs are finished.
 */

import { fewestKernelBuffers, type DeviceLimits } from '../../program/device-limits.js'

export const referenceLimits: DeviceLimits = {
  kernelBuffers: fewestKernelBuffers,
  joinedBuffers: 0,
  inlinedSteps: 0,
  joinedSteps: 0,
  combinesWithRowWork: false,
  scattersWithRowWork: false,
  drawsInLoops: false,
  sharesPartials: false,
  rematerialises: false,
  lanes: 1,
  shortestRow: 1,
  largeSize: Number.MAX_SAFE_INTEGER,
  sharedBytes: Number.MAX_SAFE_INTEGER,
  costs: { gathered: 1, dear: 1, recomputed: 0, strided: 1, combined: 1 },
  boolBytes: 1,
  alignment: 1,
  panels: undefined
}
