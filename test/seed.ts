/**
 * One seed for every property, so that a run of the tests can be repeated: `SEED=n npm test` tries other cases, and
 * `SEED=random npm test` new ones each time.
 */

import fc from 'fast-check'

const given = process.env.SEED ?? '20260101'

fc.configureGlobal(given === 'random' ? {} : { seed: Number(given) })
