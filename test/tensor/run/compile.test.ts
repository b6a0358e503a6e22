import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { add, mul, spec, sum, tensor, toNested, type Tensor } from '../../../src/tensor/index.js'
import { peek } from '../../../src/tensor/literal.js'
import { compile, withCompiled } from '../../../src/tensor/run/compile.js'
import { showStepError, type StepError } from '../../../src/tensor/run/step-error.js'
import type { Compiled } from '../../../src/tensor/run/resident.js'
import type { Device, DeviceError, HostDevice, ProgramArray } from '../../../src/tensor/run/device.js'
import { isBuffer } from '../../../src/tensor/run/device.js'
import { settling } from '../../../src/tensor/run/settling.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { createMemory } from '../../../src/tensor/run/memory/memory.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { collectUntil } from './memory/collect-garbage.js'

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

const devices = { reference: () => reference({ floats: 'float32' }), wasm: () => wasm() }

const start = { total: tensor([0, 0]), count: tensor(0, { dtype: 'i32' }) }

const compiledOn = async (name: keyof typeof devices): Promise<Compiled<State, [Tensor], Tensor>> =>
  right(await compile(accumulate, devices[name]())(start, spec([2]))())

const left = async (run: () => Promise<E.Either<StepError, unknown>>): Promise<StepError> => {
  const ended = await run()
  if (E.isRight(ended)) throw new Error('it succeeded')
  return ended.left
}

describe.each(['reference', 'wasm'] as const)('a step compiled on %s', (name) => {
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

  it('takes a state and arguments without values for what they are evaluated to', async () => {
    const { begin, step, read } = await compiledOn(name)
    const integers = fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 }))
    await fc.assert(
      fc.asyncProperty(integers, integers, fc.boolean(), async (from, x, isMixed) => {
        const total = pipe(tensor([...from]), mul(2))
        const begun = right(await begin({ total, count: isMixed ? start.count : add(3)(start.count) })())
        const { state, output } = right(await step(begun, pipe(tensor([...x]), add(1)))())
        expect(toNested(output)).toBe(20 * from[0] + 40 * from[1])
        const after = right(await read(state)())
        expect(toNested(after.total)).toEqual([2 * from[0] + x[0] + 1, 2 * from[1] + x[1] + 1])
        expect(toNested(after.count)).toBe(isMixed ? 1 : 4)
      }),
      { numRuns: 20 }
    )
  })

  it('refuses a placeholder in the place of a value, and keeps the state', async () => {
    const { begin, step, read } = await compiledOn(name)
    expect(await left(begin({ total: spec([2]), count: start.count }))).toMatchObject({ _tag: 'InvalidArgument' })
    const begun = right(await begin(start)())
    expect(await left(step(begun, spec([2])))).toMatchObject({ _tag: 'InvalidArgument' })
    expect(toNested(right(await read(begun)()).total)).toEqual([0, 0])
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

type Run = (
  inputs: ReadonlyArray<ProgramArray>,
  outputs: ReadonlyArray<ProgramArray>
) => Promise<E.Either<DeviceError, void>>

/** The reference device with something else done around each run, in its own time. */
const around = (change: (run: Run, device: HostDevice<'sync'>) => Run): HostDevice<'async'> => {
  const device = reference({ floats: 'float32' })
  return {
    ...device,
    timing: 'async',
    allocate: settling(device.allocate),
    allocateBlock: settling(device.allocateBlock),
    write: settling(device.write),
    read: settling(device.read),
    load: (program) =>
      E.Functor.map(device.load(program), (executable) => {
        const run = change((inputs, outputs) => Promise.resolve(executable.run(inputs, outputs)()), device)
        return { ...executable, run: (inputs, outputs) => () => run(inputs, outputs) }
      })
  }
}

const compiledFor = async (device: Device): Promise<Compiled<State, [Tensor], Tensor>> =>
  right(await compile(accumulate, device)(start, spec([2]))())

describe('the memory of a compiled step', () => {
  it("is the device's: states lie there in two banks, constants in one, and nothing else does, however many steps", async () => {
    const runs: Array<ReadonlyArray<ProgramArray>> = []
    const device = around((run) => (inputs, outputs) => {
      runs.push([...inputs, ...outputs])
      return run(inputs, outputs)
    })
    const { begin, step } = await compiledFor(device)
    let handle = right(await begin(start)())
    const inUse = [0, 1, 2, 3, 4, 5].map(() => 0)
    for (const i of inUse.keys()) {
      handle = right(await step(handle, tensor([i, i]))()).state
      inUse[i] = right(device.memory()).inUse()
    }
    // Inputs: count, total, x, offset. Outputs: count, total, the sum.
    const at = (places: ReadonlyArray<number>) => runs.map((arrays) => places.map((i) => arrays[i]))
    const [before, after, constants, others] = [at([0, 1]), at([4, 5]), at([3]), at([2, 6])]
    expect([before, after, constants].flat(2).every(isBuffer)).toBe(true)
    expect(others.flat().some(isBuffer)).toBe(false)
    expect(new Set(constants.flat()).size).toBe(1)
    before.forEach((buffers, n) => {
      const known = n === 0 ? before[0] : after[n - 1]
      buffers.forEach((buffer, i) => expect(buffer).toBe(known[i]))
      after[n].forEach((buffer, i) => expect(buffer).toBe((n % 2 === 0 ? after : before)[0][i]))
    })
    expect(new Set([...before[0], ...after[0], ...constants[0]]).size).toBe(5)
    // From the first step on, which takes the second bank.
    expect(new Set(inUse).size).toBe(1)
  })

  it('is not that of its outputs: they are copies, which later steps leave alone', async () => {
    const device = reference({ floats: 'float32' })
    const { begin, step } = await compiledFor(device)
    const one = right(await step(right(await begin({ ...start, total: tensor([1, 2]) })()), tensor([1, 1]))())
    const two = right(await step(one.state, tensor([1, 1]))())
    expect([one, two].map(({ output }) => toNested(output))).toEqual([50, 80])
    expect(right(device.memory()).addressOf(peek(one.output))).toBeUndefined()
    expect(peek(one.output).buffer).toBeInstanceOf(ArrayBuffer)
  })

  it('is used by one step at a time, though steps of two histories overlap', async () => {
    const slow = around((run) => async (inputs, outputs) => {
      await new Promise((later) => setTimeout(later, 2))
      const ended = await run(inputs, outputs)
      await new Promise((later) => setTimeout(later, 2))
      return ended
    })
    const { begin, step, read } = await compiledFor(slow)
    const totals = [
      [1, 2],
      [3, 4],
      [5, 6]
    ]
    const handles = await Promise.all(totals.map(async (xs) => right(await begin({ ...start, total: tensor(xs) })())))
    const ended = await Promise.all(handles.map((handle, i) => step(handle, tensor([10 * i, i]))()))
    for (const [i, [a, b]] of totals.entries()) {
      const { state, output } = right(ended[i])
      expect(toNested(output)).toBe(10 * a + 20 * b)
      expect(toNested(right(await read(state)()).total)).toEqual([a + 10 * i, b + i])
    }
  })

  it('keeps the state when a step fails half-way, which can then be done again', async () => {
    let runs = 0
    const failing = around((run, { read, write }) => (inputs, outputs) => {
      if (++runs !== 2) return run(inputs, outputs)
      const there = outputs.filter(isBuffer)
      right(
        write(
          there,
          right(read(there)()).map((data) => data.fill(9))
        )()
      )
      return Promise.resolve(E.left({ _tag: 'DeviceFailed', device: 'failing', reason: 'run 2' }))
    })
    const { begin, step, read } = await compiledFor(failing)
    const { state } = right(await step(right(await begin(start)()), tensor([1, 2]))())
    expect(await left(step(state, tensor([7, 7])))).toMatchObject({ _tag: 'DeviceFailed' })
    expect(toNested(right(await read(state)()).total)).toEqual([1, 2])
    const again = right(await step(state, tensor([7, 7]))())
    expect(toNested(right(await read(again.state)()).total)).toEqual([8, 9])
  })

  it('is refused where the device has not so much, and what was taken of it goes back', async () => {
    const memory = right(createMemory({ limit: 2 ** 17 }))
    const device = reference({ floats: 'float64', memory })
    const state = { few: tensor(1), many: tensor(new Float64Array(2 ** 14)) }
    type Two = { readonly few: Tensor; readonly many: Tensor }
    const twice = ({ few, many }: Two): readonly [Two, Tensor] => [{ few, many: mul(2)(many) }, few]
    const { begin } = right(await compile(twice, device)(state)())
    const refused = await left(begin(state))
    expect(refused).toEqual({ _tag: 'OutOfMemory', wanted: 2 ** 17, inUse: 64, limit: 2 ** 17 })
    expect(showStepError(refused)).toBe('memory: 131.1 kB wanted with 64 bytes in use, of 131.1 kB at most')
    const constant = tensor(new Float64Array(2 ** 14).fill(1))
    const adding = compile((x: Tensor) => [x, pipe(constant, mul(x), sum())] as const, device)
    expect(await left(adding(spec([])))).toMatchObject({ _tag: 'OutOfMemory', wanted: 2 ** 17 })
    expect(memory.inUse()).toBe(0)
  })

  it('goes back where what is copied there does not arrive', async () => {
    const device = reference({ floats: 'float32' })
    const { inUse } = right(device.memory())
    const error: DeviceError = { _tag: 'DeviceFailed', device: 'failing', reason: 'as told' }
    let writes = 0
    /** Fails at its `n`-th write. */
    const failingAt = (n: number): Device<'sync'> => ({
      ...device,
      write: (buffers, arrays) => () => (++writes === n ? E.left(error) : device.write(buffers, arrays)())
    })
    expect(await left(compile(accumulate, failingAt(1))(start, spec([2])))).toEqual(error)
    expect(inUse()).toBe(0)
    const { begin, read, release } = await compiledFor(failingAt(3))
    expect(await left(begin(start))).toEqual(error)
    const taken = inUse()
    expect(toNested(right(await read(right(await begin(start)()))()).count)).toBe(0)
    expect(inUse()).toBe(taken)
    await release()
    expect(inUse()).toBe(0)
  })

  it('goes back from a state that is being begun when the step is released, which is then refused', async () => {
    const device = around((run) => run)
    let meanwhile = (): Promise<void> => Promise.resolve()
    const slow: Device<'async'> = {
      ...device,
      write: (buffers, arrays) => async () => {
        await meanwhile()
        return device.write(buffers, arrays)()
      }
    }
    const { begin, release } = await compiledFor(slow)
    meanwhile = release
    expect(await begin(start)()).toEqual(E.left({ _tag: 'Released', what: 'step' }))
    expect(right(device.memory()).inUse()).toBe(0)
  })

  it('comes back when states, and then the step, are released; whoever asks for them later is told so', async () => {
    const device = reference({ floats: 'float32' })
    const { inUse } = right(device.memory())
    const { begin, step, read, releaseState, release } = await compiledFor(device)
    const fixed = inUse()
    const [a, b, c] = [right(await begin(start)()), right(await begin(start)()), right(await begin(start)())]
    const one = (inUse() - fixed) / 3
    right(await releaseState(a)())
    expect(inUse()).toBe(fixed + 2 * one)
    for (const use of [step(a, tensor([1, 1])), read(a), releaseState(a)])
      expect(await left(use)).toEqual({ _tag: 'Released', what: 'state' })
    const next = right(await step(b, tensor([1, 1]))()).state
    expect(await left(releaseState(b))).toEqual({ _tag: 'HandleConsumed' })
    await release()
    expect(inUse()).toBe(0)
    for (const use of [begin(start), step(next, tensor([1, 1])), read(c), releaseState(c)])
      expect(await left(use)).toEqual({ _tag: 'Released', what: 'step' })
    await release()
    expect(inUse()).toBe(0)
  })

  it('is kept by a step that is running until it is done', async () => {
    const slow = around((run) => async (inputs, outputs) => {
      await new Promise((later) => setTimeout(later, 5))
      return run(inputs, outputs)
    })
    const { begin, step, release } = await compiledFor(slow)
    const handle = right(await begin({ ...start, total: tensor([1, 2]) })())
    const [stepped] = await Promise.all([step(handle, tensor([1, 1]))(), release()])
    expect(toNested(right(stepped).output)).toBe(50)
    expect(right(slow.memory()).inUse()).toBe(0)
  })

  it('comes back at the end of its bracket, and that of a state after any steps, also where its use fails', async () => {
    const device = reference({ floats: 'float32' })
    const { inUse } = right(device.memory())
    const used = withCompiled(compile(accumulate, device)(start, spec([2])))(({ withState, step, read }) =>
      pipe(
        TE.Do,
        TE.bind('fixed', () => TE.fromIO(inUse)),
        TE.bind('total', () =>
          withState({ ...start, total: tensor([1, 2]) })((first) =>
            pipe(
              step(first, tensor([1, 1])),
              TE.chain(({ state }) => step(state, tensor([1, 1]))),
              TE.chain(({ state }) => read(state)),
              TE.map(({ total }) => toNested(total))
            )
          )
        ),
        TE.bind('failed', () => TE.fromTask(withState(start)(() => TE.left('no')))),
        TE.let('left', ({ fixed }) => inUse() - fixed)
      )
    )
    expect(await used()).toMatchObject(E.right({ total: [3, 4], failed: E.left('no'), left: 0 }))
    expect(inUse()).toBe(0)
    expect(await withCompiled(compile(accumulate, device)(start, spec([2])))(() => TE.left('no'))()).toEqual(
      E.left('no')
    )
    expect(inUse()).toBe(0)
  })

  it('comes back from dropped states before another is refused, also within one turn of the event loop', async () => {
    const memory = right(createMemory({ limit: 2 ** 20 }))
    const twice = compile((x: Tensor) => [mul(2)(x), sum()(x)] as const, wasm({ memory }))
    const { begin, step } = right(await twice(spec([2 ** 16]))())
    for (let i = 0; i < 9; i++) right(await begin(tensor(new Float32Array(2 ** 16)))())
    const kept = right(await begin(tensor(new Float32Array(2 ** 16).fill(3)))())
    expect(toNested(right(await step(kept, ...([] as const))()).output)).toBe(3 * 2 ** 16)
  })

  it('is refused to states that are held, and had again when one is released', async () => {
    const memory = right(createMemory({ limit: 2 ** 20 }))
    const twice = compile((x: Tensor) => [mul(2)(x), sum()(x)] as const, wasm({ memory }))
    const { begin, read, releaseState } = right(await twice(spec([2 ** 16]))())
    const state = tensor(new Float32Array(2 ** 16).fill(1))
    const held = [right(await begin(state)()), right(await begin(state)()), right(await begin(state)())]
    expect(await left(begin(state))).toMatchObject({ _tag: 'OutOfMemory', wanted: 2 ** 18 })
    right(await releaseState(held[0])())
    expect(E.isRight(await begin(state)())).toBe(true)
    expect(E.isRight(await read(held[1])())).toBe(true)
  })

  it('comes back from handles that are dropped, and from all that is left when the step itself is', async () => {
    const device = reference({ floats: 'float32' })
    const { inUse } = right(device.memory())
    const dropHandles = async (): Promise<void> => {
      const { begin, step } = await compiledFor(device)
      const fixed = inUse()
      const kept = right(await begin(start)())
      const one = inUse() - fixed
      for (let i = 0; i < 10; i++) right(await begin(start)())
      expect(inUse()).toBe(fixed + 11 * one)
      await collectUntil(() => inUse() === fixed + one)
      expect(inUse()).toBe(fixed + one)
      right(await step(kept, tensor([1, 1]))())
    }
    await dropHandles()
    await collectUntil(() => inUse() === 0)
    expect(inUse()).toBe(0)
  })
})

describe('a mistake inside a compiled step', () => {
  const wrong = ({ total }: { readonly total: Tensor }): readonly [{ readonly total: Tensor }, Tensor] => [
    { total: pipe(total, add(tensor([1, 2, 3]))) },
    total
  ]

  it('keeps the stack of the line that wrote it, and names it', async () => {
    const failed = await left(compile(wrong, wasm())({ total: spec([2]) }))
    expect(failed).toEqual({ _tag: 'ShapeMismatch', op: 'add', shapes: [[2], [3]] })
    expect('stack' in failed && failed.stack).toMatch(/at wrong .*compile\.test\.ts:\d+/)
    expect(showStepError(failed)).toMatch(
      /^add: shapes do not match: \[2\] and \[3\]\n {4}at wrong \(.*compile\.test\.ts:\d+:\d+\)$/
    )
  })
})
