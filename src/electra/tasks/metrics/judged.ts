/** A truth and what was predicted of it: what every metric here is computed from, so that no two lengths can differ. */
export type Judged<A> = { readonly label: A; readonly prediction: A }
