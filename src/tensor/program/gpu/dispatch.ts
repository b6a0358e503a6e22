/**
 * What a GPU is told: shaders as text, and dispatches of them over numbered buffers.
 */

/** A compute shader as text: entry point `main`, bindings in group 0 numbered from 0 on. */
export type Shader = {
  readonly code: string
  /** Of each binding whether it is storage to read, or to read and write. */
  readonly access: ReadonlyArray<'read' | 'write'>
}

/** One dispatch. `buffers` are the numbers of the buffers behind the bindings, whole. */
export type Dispatch = {
  readonly shader: Shader
  readonly buffers: ReadonlyArray<number>
  readonly workgroups: readonly [number, number, number]
}
