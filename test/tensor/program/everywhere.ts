import type { Panelling } from '../../../src/tensor/program/panels.js'

/** Panels wherever there can be any, however small. */
export const everywhere: Panelling = { cutsRows: () => true, least: 1, fewestRows: 1 }
