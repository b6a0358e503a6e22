/** `inspection.ts` for pages: prototypes with nothing in them. */

export const unevaluated: object = {}

export const evaluated = (): object => ({})
