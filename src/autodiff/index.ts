/**
 * Gradients as graph transformations, to any order, and their checks against finite differences.
 */

export { stopGradient } from '../tensor/ops/arithmetic.js'
export * from './check.js'
export * from './custom.js'
export * from './grad.js'
export * from './jvp.js'
export { vjp, vjpWithAux, type Vjp } from './vjp.js'
