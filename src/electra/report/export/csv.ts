/** Numbers of runs as comma-separated values: RFC 4180, with a line of titles. https://www.rfc-editor.org/rfc/rfc4180 */

/** Numbers by name, as many each as there are steps. */
export type NumbersOfSteps = {
  readonly steps: ReadonlyArray<number>
  readonly columns: ReadonlyMap<string, ReadonlyArray<number>>
}

export type NumbersOfRun = { readonly name: string; readonly steps: NumbersOfSteps; readonly heldOut: NumbersOfSteps }

const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text)

/** Every digit that tells it from its neighbours; nothing, where there is no number. */
const number = (x: number | undefined): string => (x === undefined || Number.isNaN(x) ? '' : String(x))

const kinds = ['steps', 'heldOut'] as const

const kindName = { steps: 'step', heldOut: 'heldOut' } as const

/** A line for each step and each evaluation, in the order of the steps, an evaluation behind its step. Columns that a line has not are empty. */
export const csvOf = (runs: ReadonlyArray<NumbersOfRun>): string => {
  const names = [...new Set(runs.flatMap((run) => kinds.flatMap((kind) => [...run[kind].columns.keys()])))]
  const lines = runs.flatMap((run) =>
    kinds
      .flatMap((kind) => run[kind].steps.map((step, i) => ({ step, kind, i })))
      .sort((a, b) => a.step - b.step)
      .map(({ step, kind, i }) => [
        cell(run.name),
        kindName[kind],
        String(step),
        ...names.map((name) => number(run[kind].columns.get(name)?.[i]))
      ])
  )
  return [['run', 'kind', 'step', ...names.map(cell)], ...lines].map((line) => `${line.join(',')}\r\n`).join('')
}
