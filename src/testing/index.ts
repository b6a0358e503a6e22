/**
 * For tests of functions of tensors: fast-check arbitraries, and the assertion that gradients are right.
 *
 * `fast-check` is an optional peer dependency: this is the only part of the library that imports it.
 */

export * from './arbitraries.js'
export * from './assert-gradients.js'
