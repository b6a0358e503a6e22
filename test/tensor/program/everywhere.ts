import type { DeviceLimits } from '../../../src/tensor/program/device-limits.js'
import type { FusedProgram } from '../../../src/tensor/program/fused.js'
import { panelled } from '../../../src/tensor/program/panels.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'

/** Panels wherever there can be any, however small. */
export const everywhere: DeviceLimits = {
  ...wasmLimits,
  panels: { leastResult: 1, largestPanel: 65_536, fewestRows: 1 }
}

export const panelledEverywhere = (program: FusedProgram): FusedProgram => panelled(program, everywhere, () => true)
