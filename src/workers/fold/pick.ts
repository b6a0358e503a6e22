/** The entries of a list at some positions, in their order. */
export const pick = <A>(positions: ReadonlyArray<number>, from: ReadonlyArray<A>): ReadonlyArray<A> =>
  positions.map((i) => from[i])
