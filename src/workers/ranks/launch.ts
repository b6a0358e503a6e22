/**
 * How this process was started as one of several: what launchers tell their processes in the environment.
 *
 * Slurm's own variables (`SLURM_PROCID`, ...) say nothing of MPI: every process of a job has them. They are heeded only beside
 * those of the process managers that MPI libraries speak with (PMI and PMIx).
 */

import * as O from 'fp-ts/lib/Option.js'

export type Launch = {
  /** Which process this is, counted from 0. */
  readonly rank: number
  /** How many were started; `undefined` where the launcher does not say. */
  readonly ranks: number | undefined
  /** Whose processes they are: Open MPI's, or another MPI's that speaks PMI. */
  readonly kind: 'Open MPI' | 'PMI'
}

type Environment = Readonly<Record<string, string | undefined>>

const countOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined

const launched = (kind: Launch['kind'], rank: string | undefined, ranks: string | undefined): O.Option<Launch> => {
  const number = countOf(rank)
  return number === undefined ? O.none : O.some({ rank: number, ranks: countOf(ranks), kind })
}

/** `none` for a process that was started alone, by whomever: it needs no MPI. */
export const launchOf = (environment: Environment): O.Option<Launch> => {
  const { OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE, PMIX_RANK, PMI_RANK, PMI_SIZE, SLURM_STEP_NUM_TASKS } =
    environment
  const found = [
    launched('Open MPI', OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE),
    // MPICH's and Intel's mpiexec, and Slurm's `srun --mpi=pmi2`.
    launched('PMI', PMI_RANK, PMI_SIZE),
    // Slurm's `srun --mpi=pmix`.
    launched('Open MPI', PMIX_RANK, SLURM_STEP_NUM_TASKS)
  ].find(O.isSome)
  return found === undefined || found.value.ranks === 1 ? O.none : found
}
