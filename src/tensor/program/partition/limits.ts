/**
 * From which sizes on work is divided. They change no bit of what is computed, only who computes what and when; several
 * processes that compute together must have the same.
 */

export type PartitionLimits = {
  /** Work on fewer bytes than this is not worth handing to another thread. */
  readonly partBytes: number
  /** More parts than workers even out what each takes. */
  readonly mostParts: number
  /** Elements of a block of what is computed element by element. */
  readonly blockElements: number
  /** Inputs of at most so many elements are copied where one part replaces them and another reads them. */
  readonly snapshotElements: number
}

export const defaultPartitionLimits: PartitionLimits = {
  partBytes: 2 ** 22,
  mostParts: 32,
  // All that Adam has of them, 896 KiB, stays in the second cache between computing and copying into place.
  blockElements: 2 ** 15,
  snapshotElements: 2 ** 10
}

/** In how many parts so many bytes are worked on: it depends on nothing else, least of all on who is there to work. */
export const partsFor = (bytes: number, { partBytes, mostParts }: PartitionLimits): number =>
  Math.min(mostParts, Math.max(1, Math.floor(bytes / partBytes)))
