/** Jobs as command lines: what a person would type to carry out one of them. */

import type { Budget, Declaration, Settings, TaskDeclaration } from '../../experiment/declaration.js'
import type { FineTuning, Job, Pretraining } from '../../experiment/plan.js'
import type { Places } from './places.js'

/** On what jobs are computed: options that `pretrain` and `finetune` both have. */
export type Execution = { readonly device?: string; readonly matmul?: string; readonly adapter?: number }

const option = (name: string, value: string | number | undefined): ReadonlyArray<string> =>
  value === undefined ? [] : [`--${name}`, String(value)]

const options = (values: Settings): ReadonlyArray<string> =>
  Object.entries(values).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : value === false ? [] : option(name, value)
  )

const ofBudget = (budget: Budget): ReadonlyArray<string> =>
  'steps' in budget
    ? option('steps', budget.steps)
    : [...option('flops', budget.flops), ...option('flops-accounting', budget.accounting)]

const ofExecution = ({ device, matmul, adapter }: Execution): ReadonlyArray<string> => [
  ...option('device', device),
  ...option('matmul', matmul),
  ...option('adapter', adapter)
]

const pretrain = ({ config, corpus }: Declaration, places: Places, job: Pretraining): ReadonlyArray<string> => [
  'pretrain',
  ...option('config', config),
  ...Object.entries({ ...job.arm.settings, 'optimizer.learningRate': job.rate }).flatMap(([key, value]) =>
    option('set', `${key}=${value}`)
  ),
  ...option('corpus', corpus),
  ...option('out', places.of(job)),
  ...ofBudget(job.budget),
  ...option('seed', job.seed)
]

/** What of a fine-tuning is declared. */
export const taskArguments = ({ task, data, options: own }: TaskDeclaration): ReadonlyArray<string> => [
  ...option('task', task),
  ...option('data', data),
  ...options(own)
]

/** Seeds of trials for each seed of pre-training: all arms have the same, so that they can be paired. */
const trialSeeds = 1000

const finetune = ({ tasks }: Declaration, places: Places, job: FineTuning): ReadonlyArray<string> => [
  'finetune',
  ...taskArguments(tasks[job.task]),
  ...option('model', places.ofRun(job.from)),
  ...(job.untrained ? ['--from-scratch'] : []),
  ...option('out', places.of(job)),
  ...option('learning-rate', job.rate),
  ...option('trials', job.trials),
  ...option('seed', (job.seed % 2 ** 20) * trialSeeds)
]

/** `isBegun`: whether there is something of it to go on from. */
export const argumentsOf = (
  declaration: Declaration,
  places: Places,
  execution: Execution,
  job: Job,
  isBegun: boolean
): ReadonlyArray<string> => [
  ...(job._tag === 'Pretraining' ? pretrain(declaration, places, job) : finetune(declaration, places, job)),
  ...ofExecution(execution),
  ...(isBegun ? ['--resume'] : [])
]
