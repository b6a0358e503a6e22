import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { add, mul, spec, sum, tensor, toNested, type Tensor } from '../../../src/tensor/index.js'
import { compile, showStepError, type Compiled, type StepError } from '../../../src/tensor/run/compile.js'
import { js } from '../../../src/tensor/run/js.js'
import { own } from '../../../src/tensor/run/own.js'
import { reference } from '../../../src/tensor/run/reference.js'

type State = { readonly total: Tensor; readonly count: Tensor }

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const offset = tensor([10, 20])

/** Adds up what it is given; says the sum of the state it was given. */
const accumulate = ({ total, count }: State, x: Tensor): readonly [State, Tensor] => [
  { total: pipe(total, add(x)), count: add(1)(count) },
  pipe(total, mul(offset), sum())
]

const devices = { reference: () => reference({ floats: 'float32' }), js: () => js(own()) }

const start = { total: tensor([0, 0]), count: tensor(0, { dtype: 'i32' }) }

const compiledOn = async (name: keyof typeof devices): Promise<Compiled<State, [Tensor], Tensor>> =>
  right(await compile(accumulate, devices[name]())(start, spec([2]))())

const left = async (run: () => Promise<E.Either<StepError, unknown>>): Promise<StepError> => {
  const ended = await run()
  if (E.isRight(ended)) throw new Error('it succeeded')
  return ended.left
}

describe.each(['reference', 'js'] as const)('a step compiled on %s', (name) => {
  it('folds: the state after any steps is the fold of the function over their arguments', async () => {
    const { begin, step, read } = await compiledOn(name)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 }))),
        async (xs) => {
          let handle = right(await begin(start)())
          let total = [0, 0]
          for (const x of xs) {
            const { state, output } = right(await step(handle, tensor([...x]))())
            expect(toNested(output)).toBe(10 * total[0] + 20 * total[1])
            total = [total[0] + x[0], total[1] + x[1]]
            handle = state
          }
          const final = right(await read(handle)())
          expect(toNested(final.total)).toEqual(total)
          expect(toNested(final.count)).toBe(xs.length)
        }
      ),
      { numRuns: 20 }
    )
  })

  it('consumes its handle, and only its own', async () => {
    const { begin, step, read } = await compiledOn(name)
    const [a, b] = [right(await begin(start)()), right(await begin(start)())]
    right(await step(a, tensor([1, 1]))())
    expect(await left(step(a, tensor([1, 1])))).toEqual({ _tag: 'HandleConsumed' })
    expect(await left(read(a))).toEqual({ _tag: 'HandleConsumed' })
    expect(toNested(right(await read(b)()).total)).toEqual([0, 0])
    const other = await compiledOn(name)
    expect(await left(other.step(b, tensor([1, 1])))).toEqual({ _tag: 'HandleConsumed' })
  })

  it('keeps two histories apart, and copies what it reads', async () => {
    const { begin, step, read } = await compiledOn(name)
    const a = right(await step(right(await begin(start)()), tensor([1, 2]))())
    const seen = right(await read(a.state)())
    const b = right(await step(right(await begin(start)()), tensor([5, 5]))())
    right(await step(a.state, tensor([7, 7]))())
    expect(toNested(seen.total)).toEqual([1, 2])
    expect(toNested(right(await read(b.state)()).total)).toEqual([5, 5])
  })
})

describe('compiling', () => {
  it('refuses a function that returns a state of another structure or shape', async () => {
    const wider = compile((x: Tensor): readonly [Tensor, Tensor] => [sum()(x), x], reference({ floats: 'float32' }))
    expect(showStepError(await left(wider(spec([2]))))).toBe('the argument: found f32[], expected f32[2]')
  })

  it('returns the mistake of an operation that does not fit', async () => {
    const failing = compile((x: Tensor, y: Tensor) => [add(y)(x), x] as const, reference({ floats: 'float32' }))
    expect((await left(failing(spec([2]), spec([3]))))._tag).toBe('ShapeMismatch')
  })

  it('refuses arguments that are not what it was compiled for, by path', async () => {
    const { begin, step } = await compiledOn('reference')
    expect(showStepError(await left(begin({ ...start, count: tensor(0) })))).toBe(
      'argument count: found f32[], expected i32[]'
    )
    const handle = right(await begin(start)())
    expect(showStepError(await left(step(handle, tensor([1]))))).toBe('argument 0: found f32[1], expected f32[2]')
    // Nothing has run: the handle is as good as before.
    expect(E.isRight(await step(handle, tensor([1, 2]))())).toBe(true)
  })
})
