import * as O from 'fp-ts/lib/Option.js'
import { describe, expect, it } from 'vitest'
import { launchOf } from '../../../src/workers/ranks/launch.js'

describe('a process', () => {
  it.each([
    [
      "is a rank of Open MPI's mpirun",
      { OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_SIZE: '4', PMIX_RANK: '1' },
      { rank: 1, ranks: 4, kind: 'Open MPI' }
    ],
    ["is a rank of MPICH's mpiexec", { PMI_RANK: '0', PMI_SIZE: '2' }, { rank: 0, ranks: 2, kind: 'PMI' }],
    [
      'is a rank of `srun --mpi=pmix`',
      { SLURM_PROCID: '3', SLURM_NTASKS: '8', SLURM_STEP_NUM_TASKS: '4', PMIX_RANK: '3' },
      { rank: 3, ranks: 4, kind: 'Open MPI' }
    ],
    [
      'is a rank of a launcher that does not say of how many',
      { PMIX_RANK: '0' },
      { rank: 0, ranks: undefined, kind: 'Open MPI' }
    ]
  ] as const)('%s', (_, environment, launch) => {
    expect(launchOf(environment)).toEqual(O.some(launch))
  })

  it.each([
    ['started by hand', {}],
    ['of a Slurm job without MPI', { SLURM_PROCID: '1', SLURM_NTASKS: '2', SLURM_STEP_NUM_TASKS: '2' }],
    ['that mpirun has started alone', { OMPI_COMM_WORLD_RANK: '0', OMPI_COMM_WORLD_SIZE: '1', PMIX_RANK: '0' }],
    ['that mpiexec has started alone', { PMI_RANK: '0', PMI_SIZE: '1' }],
    ['that `srun --mpi=pmix` has started alone', { PMIX_RANK: '0', SLURM_STEP_NUM_TASKS: '1' }],
    ['whose variables are empty', { PMIX_RANK: '', PMI_RANK: '' }]
  ])('%s is no rank', (_, environment) => {
    expect(launchOf(environment)).toEqual(O.none)
  })
})
