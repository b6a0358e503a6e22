// What a thread of a process with `--expose-gc` holds, and how much WebAssembly it has compiled. To be imported first.

let modules = 0
WebAssembly.Module = class extends WebAssembly.Module {
  constructor(bytes) {
    super(bytes)
    modules++
  }
}

/** Bytes in use of this thread's heap and beside it, once all that nobody needs is gone; and of the whole process. */
export const held = () => {
  // What the first finds to be finalised, the second frees.
  globalThis.gc()
  globalThis.gc()
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external, modules }
}
