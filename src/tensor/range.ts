/** The numbers from 0 to before `count`. */
export const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)
