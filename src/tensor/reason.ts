/** What was thrown, as text for an error's `reason`: anything can be thrown, mostly `Error`s are. */
export const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
