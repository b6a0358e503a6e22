/** The ways to pre-train that an experiment compares: a point of its grid each, which all seeds have. */

import type { Budget, Declaration, Settings } from './declaration.js'

export type Arm = {
  /** Of directories and tables, unique: the name of the objective, and what of size, generator and budget is not the same for all. */
  readonly id: string
  readonly objective: string
  readonly size?: string
  readonly generatorSize?: number
  /** Its place among the budgets. */
  readonly budget: number
  /** All that is laid over the configuration, but for the learning rate. */
  readonly settings: Settings
}

export const showBudget = (budget: Budget): string =>
  'steps' in budget ? `${budget.steps} steps` : `${budget.flops.toExponential()} operations (${budget.accounting})`

/** Whether the objectives of a declaration have a generator, by their names in it. */
export type HasGenerator = (objective: string) => boolean

/** Budgets side by side, then generators, sizes, objectives: in the order of the declaration. */
export const armsOf = (declaration: Declaration, hasGenerator: HasGenerator): ReadonlyArray<Arm> => {
  const { objectives, sizes, generatorSizes, budgets, set } = declaration
  return Object.entries(objectives).flatMap(([objective, own]) =>
    (sizes === undefined ? [undefined] : Object.keys(sizes)).flatMap((size) =>
      (generatorSizes === undefined || !hasGenerator(objective) ? [undefined] : generatorSizes).flatMap(
        (generatorSize) =>
          budgets.map((_, budget): Arm => ({
            id: [
              objective,
              ...(size === undefined || Object.keys(sizes ?? {}).length === 1 ? [] : [size]),
              ...(generatorSize === undefined || generatorSizes?.length === 1 ? [] : [`g${generatorSize}`]),
              ...(budgets.length === 1 ? [] : [`b${budget + 1}`])
            ].join('-'),
            objective,
            ...(size === undefined ? {} : { size }),
            ...(generatorSize === undefined ? {} : { generatorSize }),
            budget,
            settings: {
              ...set,
              ...(size === undefined ? {} : sizes?.[size]),
              ...own,
              ...(generatorSize === undefined ? {} : { 'generator.hiddenMultiplier': generatorSize })
            }
          }))
      )
    )
  )
}
