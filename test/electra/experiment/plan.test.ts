import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { armsOf } from '../../../src/electra/experiment/arms.js'
import { checkDeclaration, type Declaration } from '../../../src/electra/experiment/declaration.js'
import { plan, workOf, type Job, type Outcome, type Outcomes } from '../../../src/electra/experiment/plan.js'
import { right } from '../data/right.js'

const declared = (change: object = {}): Declaration =>
  right(
    checkDeclaration({
      name: 'small',
      corpus: 'sample',
      config: 'nano',
      objectives: { electra: {}, mlm: {} },
      baseline: 'mlm',
      budgets: [{ steps: 10 }],
      seeds: [1, 2],
      tuning: { rates: [1e-3, 2e-3], seed: 9 },
      tasks: {
        a: { task: 'cola', data: 'a', metric: 'matthews', rates: [1e-4, 2e-4], trials: 2 },
        b: { task: 'sst', data: 'b', metric: 'accuracy', rates: [1e-4] }
      },
      ...change
    })
  )

const hasGenerator = (name: string): boolean => name === 'electra'

const declarations = fc
  .record({
    objectives: fc.constantFrom({ mlm: {} }, { electra: {}, mlm: {} }, { electra: {}, 'electra-15': {}, mlm: {} }),
    generatorSizes: fc.constantFrom(undefined, [0.25], [0.25, 0.5]),
    sizes: fc.constantFrom(undefined, { narrow: { 'model.hiddenSize': 8 } }, { narrow: {}, wide: {} }),
    budgets: fc.constantFrom([{ steps: 10 }], [{ steps: 10 }, { flops: 1e9 }]),
    seeds: fc.constantFrom([1], [1, 2], [3, 1, 2]),
    tuning: fc.constantFrom(
      { rates: [1e-3], seed: 9 },
      { rates: [1e-3, 2e-3], seed: 9, budget: { steps: 5 } },
      { rates: [1e-3, 2e-3], seed: 9, trials: 3 },
      { rates: [1e-3, 2e-3], seed: 9, tasks: ['a'] },
      { rates: [1e-3, 2e-3], seed: 9, tasks: ['b'] }
    ),
    untrained: fc.boolean()
  })
  .map((change) => declared(JSON.parse(JSON.stringify(change)) as object))

const armsFor = (declaration: Declaration) => armsOf(declaration, hasGenerator)

/** Runs the first job that has no outcome, until there is none. */
const carriedOut = (
  declaration: Declaration,
  end: (job: Job) => Outcome
): { outcomes: Outcomes; jobs: ReadonlyArray<Job> } => {
  const outcomes = new Map<string, Outcome>()
  const jobs: Array<Job> = []
  for (;;) {
    const next = plan(declaration, armsFor(declaration), outcomes).jobs.find(({ id }) => !outcomes.has(id))
    if (next === undefined) return { outcomes, jobs }
    jobs.push(next)
    outcomes.set(next.id, end(next))
  }
}

const done = (...scores: ReadonlyArray<number>): Outcome => ({ _tag: 'Done', scores })

/** Best at the second rate of pre-training and at the first of fine-tuning. */
const graded = (job: Job): Outcome =>
  job._tag === 'Pretraining' ? done() : done((job.from.includes('2e3') ? 0.5 : 0.3) + (job.rate === 1e-4 ? 0.1 : 0))

describe('the plan of an experiment', () => {
  it('has as many jobs as it says, all different, and each with what it needs done before it', () => {
    fc.assert(
      fc.property(declarations, (declaration) => {
        const { jobs } = carriedOut(declaration, graded)
        expect(new Set(jobs.map(({ id }) => id)).size).toBe(jobs.length)
        const work = workOf(declaration)
        const of = (tag: Job['_tag']) => {
          const own = jobs.filter(({ _tag }) => _tag === tag)
          return { jobs: own.length, work: own.reduce((sum, job) => sum + work(job), 0) }
        }
        expect(plan(declaration, armsFor(declaration), new Map()).total).toEqual({
          Pretraining: of('Pretraining'),
          FineTuning: of('FineTuning')
        })
        const before = new Set<string>()
        for (const job of jobs) {
          if (job._tag === 'FineTuning') expect(before).toContain(job.from)
          before.add(job.id)
        }
      })
    )
  })

  it('goes on from any outcomes as it would have', () => {
    fc.assert(
      fc.property(declarations, fc.nat(), (declaration, cut) => {
        const { jobs, outcomes } = carriedOut(declaration, graded)
        const some = new Map(jobs.slice(0, cut % (jobs.length + 1)).map(({ id }) => [id, outcomes.get(id) ?? done()]))
        const known = plan(declaration, armsFor(declaration), some).jobs
        known.forEach((job) => expect(jobs).toContainEqual(job))
        expect(known.filter(({ id }) => !some.has(id)).length > 0).toBe(some.size < jobs.length)
      })
    )
  })

  it('trains every arm with every seed, and only seeds of its own are judged', () => {
    fc.assert(
      fc.property(declarations, (declaration) => {
        const { jobs } = carriedOut(declaration, graded)
        const runs = jobs.flatMap((job) =>
          job._tag === 'Pretraining' && !job.isTuning ? [`${job.arm.id} ${job.seed}`] : []
        )
        const wanted = armsFor(declaration).flatMap(({ id }) => declaration.seeds.map((seed) => `${id} ${seed}`))
        expect([...runs].sort()).toEqual([...wanted].sort())
        jobs.forEach(({ isTuning, seed }) => expect(declaration.seeds.includes(seed)).toBe(!isTuning))
      })
    )
  })

  it('makes as many trials as are declared, of what chooses and of what is judged', () => {
    fc.assert(
      fc.property(declarations, (declaration) => {
        const { jobs } = carriedOut(declaration, graded)
        for (const job of jobs)
          if (job._tag === 'FineTuning')
            expect(job.trials).toBe(
              job.isTuning ? (declaration.tuning.trials ?? 1) : declaration.tasks[job.task].trials
            )
      })
    )
  })

  it('chooses rates of pre-training by the tasks that are declared for it, whatever others come to', () => {
    const better = (job: Job): Outcome =>
      job._tag === 'Pretraining' ? done() : done(job.from.includes('2e3') === (job.task === 'b') ? 0.9 : 0.1)
    for (const [task, rate] of [
      ['a', 1e-3],
      ['b', 2e-3]
    ] as const) {
      const declaration = declared({ tuning: { rates: [1e-3, 2e-3], seed: 9, tasks: [task] } })
      const { jobs } = carriedOut(declaration, better)
      jobs.forEach((job) => {
        if (job._tag === 'Pretraining' && !job.isTuning) expect(job.rate).toBe(rate)
        // Rates of fine-tuning are open on a alone.
        if (job._tag === 'FineTuning' && job.isTuning) expect(['a', task]).toContain(job.task)
      })
    }
  })

  it('takes the rates that were best, the same number tried for every objective', () => {
    const declaration = declared()
    const { jobs, outcomes } = carriedOut(declaration, graded)
    const judged = jobs.filter(({ isTuning }) => !isTuning)
    expect(judged.every((job) => job.rate === (job._tag === 'Pretraining' ? 2e-3 : 1e-4))).toBe(true)
    const { chosen } = plan(declaration, armsFor(declaration), outcomes)
    expect(chosen.pretraining.get('electra')).toEqual({
      rate: 2e-3,
      tried: [
        // Two of four runs come to 0.4 and two to 0.6 on either task: half the difference is √3 / 2 deviations.
        { rate: 1e-3, score: expect.closeTo(-Math.sqrt(3) / 2) as number },
        { rate: 2e-3, score: expect.closeTo(Math.sqrt(3) / 2) as number }
      ]
    })
    for (const objective of ['electra', 'mlm'])
      expect(
        jobs.filter((job) => job._tag === 'Pretraining' && job.isTuning && job.arm.objective === objective)
      ).toHaveLength(2)
  })

  it('chooses the same in whatever units a task is scored, and counts every task alike', () => {
    const declaration = declared({ tuning: { rates: [5e-4, 1e-3, 2e-3], seed: 9 } })
    const rates = (scores: ReadonlyArray<number>, units: Readonly<Record<string, number>>) => {
      let next = 0
      const { outcomes } = carriedOut(declaration, (job) =>
        job._tag === 'Pretraining' ? done() : done(7 + units[job.task] * scores[next++ % scores.length])
      )
      const { chosen } = plan(declaration, armsFor(declaration), outcomes)
      return [...chosen.pretraining].map(([name, choice]) => [name, choice?.rate])
    }
    const scores = fc.uniqueArray(fc.integer({ min: 0, max: 9999 }), { minLength: 40, maxLength: 40 })
    fc.assert(
      fc.property(scores, fc.constantFrom(0.01, 8, 100), (found, units) => {
        expect(rates(found, { a: 1, b: units })).toEqual(rates(found, { a: 1, b: 1 }))
      })
    )
  })

  it('takes a run at another rate for another run', () => {
    const declaration = declared()
    const otherwise = (job: Job): Outcome =>
      job._tag === 'Pretraining' ? done() : done(job.from.includes('1e3') ? 0.5 : 0.3)
    const judged = [graded, otherwise].map((end) =>
      carriedOut(declaration, end).jobs.flatMap(({ isTuning, id }) => (isTuning ? [] : [id]))
    )
    expect(judged[0].length).toBeGreaterThan(0)
    expect(judged[1].filter((id) => !id.startsWith('untrained') && judged[0].includes(id))).toEqual([])
  })

  it('draws the weights that are never trained for the same arm, whichever is done first', () => {
    const declaration = declared({ tuning: { rates: [1e-3], seed: 9 } })
    const arms = armsFor(declaration)
    const known = (...ids: ReadonlyArray<string>): Outcomes =>
      new Map([
        ...carriedOut(declaration, graded).jobs.flatMap(({ id, isTuning }) =>
          isTuning ? [[id, done(0.5)] as const] : []
        ),
        ...ids.map((id) => [id, done()] as const)
      ])
    const drawn = (outcomes: Outcomes): ReadonlyArray<string> =>
      plan(declaration, arms, outcomes).jobs.flatMap((job) =>
        job._tag === 'FineTuning' && job.untrained && !job.isTuning && job.seed === 1 ? [job.from] : []
      )
    expect(drawn(known('mlm-s1'))).toEqual([])
    expect(new Set(drawn(known('electra-s1', 'mlm-s1')))).toEqual(new Set(['electra-s1']))
    const failed = new Map([...known('mlm-s1'), ['electra-s1', { _tag: 'Failed', reason: 'diverged' } as const]])
    expect(new Set(drawn(failed))).toEqual(new Set(['mlm-s1']))
  })

  it('passes over what failed: a rate is not chosen, an objective of which all failed is not trained', () => {
    const declaration = declared()
    const diverging = (job: Job): Outcome =>
      job._tag === 'Pretraining' && job.rate === 2e-3 ? { _tag: 'Failed', reason: 'diverged' } : graded(job)
    const { jobs } = carriedOut(declaration, diverging)
    expect(jobs.filter((job) => job._tag === 'Pretraining' && !job.isTuning).map(({ rate }) => rate)).toEqual([
      1e-3, 1e-3, 1e-3, 1e-3
    ])
    const without = (job: Job): Outcome =>
      job._tag === 'Pretraining' && job.arm.objective === 'mlm' ? { _tag: 'Failed', reason: 'diverged' } : graded(job)
    const { jobs: left, outcomes } = carriedOut(declaration, without)
    expect(left.some((job) => job._tag === 'Pretraining' && !job.isTuning && job.arm.objective === 'mlm')).toBe(false)
    expect(plan(declaration, armsFor(declaration), outcomes).chosen.pretraining.get('mlm')).toBeUndefined()
  })
})

describe('arms', () => {
  it('have a generator size only where there is a generator, and names that tell them apart', () => {
    const arms = armsFor(
      declared({ generatorSizes: [0.25, 0.5], budgets: [{ steps: 1 }, { steps: 2 }], set: { shards: 1 } })
    )
    expect(arms.map(({ id }) => id)).toEqual([
      'electra-g0.25-b1',
      'electra-g0.25-b2',
      'electra-g0.5-b1',
      'electra-g0.5-b2',
      'mlm-b1',
      'mlm-b2'
    ])
    expect(arms[0].settings).toEqual({ shards: 1, objective: 'electra', 'generator.hiddenMultiplier': 0.25 })
  })
})
