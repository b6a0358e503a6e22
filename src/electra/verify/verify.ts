/**
 * Runs the step that a golden file describes, and measures how far every number is from the file's.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { valueAndGradWithAux } from '../../autodiff/index.js'
import type { AdamState, Params } from '../../nn/index.js'
import { constantRate } from '../../nn/index.js'
import { add, argmax, cast, concat, expandDims, sum, tensor, zeros, type Tensor } from '../../tensor/index.js'
import { evaluateTask, type EvaluationError } from '../../tensor/run/evaluate.js'
import { compile } from '../../tensor/run/compile.js'
import { showStepError, type StepError } from '../../tensor/run/step-error.js'
import type { Device } from '../../tensor/run/device.js'
import { literal, peek, type Literal } from '../../tensor/literal.js'
import { mapTensors, tensorEntries } from '../../tensor/tree.js'
import { shardBatchSpec, type Denominators, type ShardBatch } from '../objective/batch.js'
import { generatorOf } from '../objective/generators/table.js'
import { jointForward, type JointParams } from '../objective/replaced-token.js'
import { drawnPieces } from '../objective/pieces.js'
import { optimizerOf, updateWith } from '../training/update.js'
import { readFixture, showFixtureError, type Fixture, type FixtureError } from './fixture.js'

export type VerifyError = FixtureError | StepError | EvaluationError

export const showVerifyError = (e: VerifyError): string => {
  switch (e._tag) {
    case 'HandleConsumed':
    case 'Released':
    case 'WrongArgument':
    case 'ShapeMismatch':
    case 'AxisOutOfRange':
    case 'DTypeMismatch':
    case 'InvalidArgument':
    case 'DeviceUnavailable':
    case 'Unsupported':
    case 'WrongArrays':
    case 'DeviceFailed':
    case 'OutOfMemory':
      return showStepError(e)
    case 'BadFixture':
    case 'Truncated':
    case 'HeaderTooLarge':
    case 'InvalidHeader':
    case 'DuplicateName':
    case 'UnsupportedDType':
    case 'InvalidLayout':
    case 'TrailingBytes':
      return showFixtureError(e)
  }
}

/** One tensor of the file against ours. */
export type Comparison = {
  readonly name: string
  readonly elements: number
  /** The largest absolute difference. */
  readonly maxAbsolute: number
  /** `||ours - theirs|| / ||theirs||`; 0 where both are 0. */
  readonly relative: number
  readonly rtol: number
  readonly atol: number
  /** `||d|| <= rtol ||theirs|| + atol sqrt(n)`; false where `||d||` is not finite. */
  readonly passes: boolean
}

export type Verification = { readonly comparisons: ReadonlyArray<Comparison>; readonly passes: boolean }

/** The kinds of result, by how much arithmetic stands behind them. */
type Kind = 'outputs' | 'gradients' | 'updated' | 'identifiers'

type Tolerance = { readonly rtol: number; readonly atol: number }

/** Key biases have a true gradient of 0, which float32 misses by rounding: hence the absolute part. */
const tolerances: Record<'f32' | 'f64', Record<Kind, Tolerance>> = {
  f32: {
    outputs: { rtol: 1e-5, atol: 0 },
    gradients: { rtol: 1e-3, atol: 1e-4 },
    updated: { rtol: 1e-3, atol: 0 },
    identifiers: { rtol: 0, atol: 0 }
  },
  f64: {
    outputs: { rtol: 1e-9, atol: 1e-10 },
    gradients: { rtol: 1e-9, atol: 1e-10 },
    updated: { rtol: 1e-9, atol: 1e-10 },
    identifiers: { rtol: 0, atol: 0 }
  }
}

export const compareArrays = (
  name: string,
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  { rtol, atol }: Tolerance
): Comparison => {
  let [maxAbsolute, squared, reference] = [0, 0, 0]
  for (let i = 0; i < theirs.length; i++) {
    const d = Math.abs(ours[i] - theirs[i])
    // Math.max keeps a NaN.
    maxAbsolute = Math.max(maxAbsolute, d)
    squared += d * d
    reference += theirs[i] * theirs[i]
  }
  const [distance, norm] = [Math.sqrt(squared), Math.sqrt(reference)]
  const relative = distance === 0 ? 0 : distance / norm
  // An infinite norm would allow any distance, so the distance must be finite by itself.
  const near = Number.isFinite(distance) && distance <= rtol * norm + atol * Math.sqrt(theirs.length)
  const passes = near && ours.length === theirs.length
  return { name, elements: theirs.length, maxAbsolute, relative, rtol, atol, passes }
}

type State = { readonly optimizer: AdamState; readonly params: Params; readonly step: Tensor }

type StepInputs = {
  readonly batch: ShardBatch
  readonly denominators: Denominators
  readonly sampled: Tensor
  readonly noise: Tensor
}

/** What one step lets us look at. */
type Observed<A = Tensor> = {
  readonly outputs: { readonly [name: string]: A }
  readonly identifiers: { readonly [name: string]: A }
  readonly grads: JointParams<A>
  readonly losses: A
  readonly gradientNorm: A
}

const vectorOf = (scalars: ReadonlyArray<Tensor>): Tensor => concat(0)(scalars.map(expandDims(0)))

/** The file's step: its own samples are written over the tokens, and its noise only shows that we would draw the same. */
const stepOf =
  ({ config, optimizer: o, sizes: { vocab: vocabSize } }: Fixture) =>
  (state: State, { batch, denominators, sampled, noise }: StepInputs): readonly [State, Observed] => {
    const generator = generatorOf({ ...config, replaceProbability: 1 }, drawnPieces(vocabSize))
    const { grads, aux } = valueAndGradWithAux((params: JointParams) => {
      const forward = jointForward(config, generator, () => sampled)(params, batch, denominators)
      return [forward.loss, forward] as const
    })(state.params as JointParams)
    const update = updateWith(
      optimizerOf(
        {
          learningRate: o.lr,
          warmupSteps: 0,
          decayPower: 1,
          weightDecay: o.weight_decay,
          b1: o.beta1,
          b2: o.beta2,
          eps: o.eps,
          clipNorm: o.clip_global_norm
        },
        constantRate(o.lr)
      )
    )
    const [next, { gradientNorm }] = update(state, grads, state.step)
    return [
      { ...next, step: pipe(state.step, add(1)) },
      {
        outputs: {
          gen_logits: aux.proposal.logits,
          disc_logits: aux.discriminatorLogits,
          mlm_loss: aux.proposal.loss,
          disc_loss: aux.discriminatorLoss,
          total_loss: aux.loss
        },
        identifiers: {
          sampled_ids: pipe(aux.proposal.logits, add(noise), argmax(-1)),
          corrupted_input_ids: aux.corrupted.ids,
          disc_labels: cast('i32')(aux.corrupted.labels)
        },
        grads,
        losses: vectorOf([aux.proposal.loss, aux.discriminatorLoss, aux.loss]),
        gradientNorm
      }
    ]
  }

const inputNames = {
  inputIds: 'input_ids',
  maskedInputIds: 'masked_input_ids',
  attentionMask: 'attention_mask',
  tokenTypeIds: 'token_type_ids',
  maskedPositions: 'masked_positions',
  maskedIds: 'masked_lm_ids',
  maskedWeights: 'masked_lm_weights'
} as const satisfies Record<keyof ShardBatch, string>

const inputsOf = ({ sizes, tensor: lookup }: Fixture): E.Either<FixtureError, StepInputs> => {
  const specs = shardBatchSpec(sizes.batch, sizes.seq, sizes.max_pred)
  const slots = specs.maskedPositions.shape
  return pipe(
    Object.keys(inputNames) as ReadonlyArray<keyof ShardBatch>,
    E.traverseArray((key) =>
      pipe(
        lookup(`inputs.${inputNames[key]}`, specs[key]),
        E.map((x) => [key, x] as const)
      )
    ),
    E.map((pairs) => Object.fromEntries(pairs) as unknown as ShardBatch),
    E.bindTo('batch'),
    E.bind('sampled', () => lookup('inputs.sampled_ids', { shape: slots, dtype: 'i32' })),
    E.bind('noise', () => lookup('inputs.gumbel_noise', { shape: [...slots, sizes.vocab], dtype: 'f32' })),
    E.map(({ batch, sampled, noise }) => ({
      batch,
      sampled,
      noise,
      denominators: {
        maskedWeights: sum()(batch.maskedWeights),
        attentionMask: pipe(batch.attentionMask, cast('f32'), sum()),
        // No loss of the file reads it.
        candidates: pipe(batch.attentionMask, cast('f32'), sum())
      }
    }))
  )
}

const startOf = ({ params }: Fixture): State => {
  const zero = mapTensors<unknown, Tensor>((x) => zeros(x.shape), params) as Params
  return { params: params, optimizer: { mu: zero, nu: zero }, step: tensor(0, { dtype: 'i32' }) }
}

type Trajectory = {
  readonly first: Observed<Literal>
  readonly losses: ReadonlyArray<Literal>
  readonly norms: ReadonlyArray<Literal>
  readonly params: Params
}

/** The file's number of steps, on one batch. */
const run =
  (fixture: Fixture, inputs: StepInputs, device: Device): TE.TaskEither<StepError | EvaluationError, Trajectory> =>
  async () => {
    const known = await evaluateTask(device)({ state: startOf(fixture), inputs })()
    if (E.isLeft(known)) return known
    const state = known.right.state as unknown as State
    const given = known.right.inputs as unknown as StepInputs
    const compiled = await compile(stepOf(fixture), device)(state, given)()
    if (E.isLeft(compiled)) return compiled
    const begun = await compiled.right.begin(state)()
    if (E.isLeft(begun)) return begun
    let handle = begun.right
    const observed: Array<Observed<Literal>> = []
    for (let step = 0; step < fixture.optimizer.steps; step++) {
      const stepped = await compiled.right.step(handle, given)()
      if (E.isLeft(stepped)) return stepped
      handle = stepped.right.state
      observed.push(stepped.right.output)
    }
    const final = await compiled.right.read(handle)()
    if (E.isLeft(final)) return final
    return E.right({
      first: observed[0],
      losses: observed.map((o) => o.losses),
      norms: observed.map((o) => o.gradientNorm),
      params: (final.right as unknown as State).params
    })
  }

type Wanted = readonly [name: string, ours: Literal, tolerance: Tolerance]

/** Results of one shape as the rows of one array. */
const inRows = (rows: ReadonlyArray<Literal>): Literal =>
  literal([rows.length, ...rows[0].shape], 'f32', Float64Array.from(rows.flatMap((row) => Array.from(peek(row)))))

const compareAll = (fixture: Fixture, ours: Trajectory, group: 'f32' | 'f64'): E.Either<FixtureError, Verification> => {
  const at = tolerances[group]
  const under = (prefix: string, tree: unknown, tolerance: Tolerance): ReadonlyArray<Wanted> =>
    tensorEntries(tree).map(([path, x]) => [`${prefix}.${path}`, x as Literal, tolerance])
  const wanted: ReadonlyArray<Wanted> = [
    ...under(`outputs.${group}`, ours.first.outputs, at.outputs),
    ...under('inputs', ours.first.identifiers, at.identifiers),
    ...under(`grads.${group}`, ours.first.grads, at.gradients),
    ...under(`after${fixture.optimizer.steps}.${group}`, ours.params, at.updated),
    [`steps.${group}.losses`, inRows(ours.losses), at.updated],
    [`steps.${group}.grad_norms`, inRows(ours.norms), at.gradients]
  ]
  const compared = new Set(wanted.map(([name]) => name))
  const forgotten = fixture.names.find(
    (name) => new RegExp(`^(outputs|grads|after\\d+|steps)\\.${group}\\.`).test(name) && !compared.has(name)
  )
  if (forgotten !== undefined)
    return E.left({
      _tag: 'BadFixture',
      where: forgotten,
      found: 'a result of this name',
      expected: 'results of the step that the configuration describes'
    })
  return pipe(
    wanted,
    E.traverseArray(([name, computed, tolerance]) =>
      pipe(
        fixture.tensor(name, computed),
        E.map((theirs) => compareArrays(name, peek(computed), peek(theirs), tolerance))
      )
    ),
    E.map((comparisons) => ({ comparisons, passes: comparisons.every((c) => c.passes) }))
  )
}

/**
 * Verifies a golden file's bytes on a device: against its float64 results where the device computes in float64, else
 * against its float32 results.
 */
export const verify =
  (device: Device) =>
  (bytes: Uint8Array): TE.TaskEither<VerifyError, Verification> =>
    pipe(
      TE.fromEither(readFixture(bytes)),
      TE.bindTo('fixture'),
      TE.bindW('inputs', ({ fixture }) => TE.fromEither(inputsOf(fixture))),
      TE.bindW('ours', ({ fixture, inputs }) => run(fixture, inputs, device)),
      TE.chainEitherKW(({ fixture, ours }) => compareAll(fixture, ours, device.floats === 'float64' ? 'f64' : 'f32'))
    )
