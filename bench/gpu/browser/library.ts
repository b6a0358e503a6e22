/**
 * What the page asks of each library, ours or another: products, and steps of training. Whatever fails throws, with the reason.
 */

/** Whether a matrix lies row by row or column by column. */
export type Lies = 'plain' | 'transposed'

/** `batch` products of `m x k` by `k x n`; no axis for the batch where that is 1. */
export type Product = {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly left: Lies
  readonly right: Lies
}

/** A matrix as it lies, with its axis of the batch first. */
export type Operand = {
  readonly data: Float32Array<ArrayBuffer>
  readonly shape: ReadonlyArray<number>
  readonly isTransposed: boolean
}

export type Multiplying = {
  /** Multiplies so many times, and waits until the GPU is done. */
  readonly run: (times: number) => Promise<void>
  readonly read: () => Promise<Float32Array>
  readonly release: () => Promise<void> | void
}

/** A parameter: dense weights are `[in, out]`. */
export type Parameter = {
  readonly name: string
  readonly shape: ReadonlyArray<number>
  readonly values: Float32Array<ArrayBuffer>
}

/** Both `[batch * length]`. */
export type Batch = { readonly ids: Int32Array<ArrayBuffer>; readonly targets: Int32Array<ArrayBuffer> }

export type EncoderSize = {
  readonly batch: number
  readonly length: number
  readonly vocabulary: number
  readonly hidden: number
  readonly heads: number
  readonly feedForward: number
  readonly layers: number
}

export type Adam = { readonly rate: number; readonly b1: number; readonly b2: number; readonly eps: number }

/**
 * An encoder as BERT has it, without dropout: words and positions, layer norm, layers of attention and a feed-forward part with the exact
 * GELU, each followed by a residual and layer norm; a dense head to the vocabulary, and the mean cross entropy of a target for each token.
 * Adam with bias correction updates all of it. Step `n` takes batch `n` modulo their number.
 */
export type Training = {
  readonly size: EncoderSize
  readonly normEps: number
  readonly adam: Adam
  readonly parameters: ReadonlyArray<Parameter>
  readonly batches: ReadonlyArray<Batch>
}

export type Stepping = {
  /** Takes so many steps, and gives the loss of each once the last is done. */
  readonly take: (steps: number) => Promise<ReadonlyArray<number>>
  readonly release: () => Promise<void> | void
}

export type Library = {
  /** The adapter that it took, as that names itself. */
  readonly adapter: string
  readonly product: (product: Product, left: Operand, right: Operand) => Promise<Multiplying>
  readonly training: (training: Training) => Promise<Stepping>
}
