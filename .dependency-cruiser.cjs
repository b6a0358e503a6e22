/** The rooms of the house, and who may know whom. Dependencies point one way. */
const room = (name, allowed) => ({
  name: `${name}-knows-only-${allowed.join('-') || 'itself'}`,
  severity: 'error',
  from: { path: `^src/${name}/` },
  to: { path: '^src/', pathNot: [name, ...allowed].map((r) => `^src/${r}/`) }
})

/** Rooms within a room: of its other rooms a room knows those allowed. */
const within = (parent, name, allowed) => ({
  name: `${parent}-${name}-knows-only-${allowed.join('-') || 'itself'}`,
  severity: 'error',
  from: { path: `^src/${parent}/${name}/` },
  to: { path: `^src/${parent}/[^/]+/`, pathNot: [name, ...allowed].map((r) => `^src/${parent}/${r}/`) }
})

module.exports = {
  forbidden: [
    room('tensor', []),
    within('tensor', 'program', []),
    within('tensor', 'emit', ['program']),
    within('tensor', 'ops', []),
    within('tensor', 'run', ['emit', 'program']),
    within('tensor/run', 'memory', []),
    within('tensor/run', 'multipliers', []),
    within('tensor/run', 'reference', ['memory']),
    within('tensor/run', 'wasm', ['memory', 'multipliers']),
    room('autodiff', ['tensor']),
    room('nn', ['tensor', 'autodiff']),
    room('workers', ['tensor']),
    within('workers', 'pool', []),
    within('workers', 'ranks', ['pool']),
    within('workers', 'fold', ['ranks', 'pool']),
    room('testing', ['tensor', 'autodiff']),
    room('electra', ['tensor', 'autodiff', 'nn', 'workers']),
    within('electra', 'training', ['store', 'config']),
    within('electra', 'tasks', ['config', 'data', 'flops', 'model', 'store', 'training']),
    within('electra', 'scoring', ['config', 'model', 'objective']),
    within('electra', 'flops', ['config', 'model']),
    within('electra', 'objective', ['config', 'data', 'flops', 'model', 'training']),
    within('electra', 'pretraining', ['config', 'data', 'flops', 'objective', 'training', 'store']),
    within('electra/store', 'files', []),
    within('electra/store', 'checkpoints', ['files']),
    within('electra/store', 'models', ['files']),
    within('electra/data', 'text', []),
    within('electra/data', 'vocabulary', []),
    within('electra/data', 'examples', ['vocabulary']),
    within('electra/data', 'corpus', ['text', 'vocabulary']),
    within('electra', 'report', ['config', 'experiment', 'flops', 'objective', 'statistics', 'tasks', 'training']),
    within('electra/report', 'charts', []),
    within('electra/report', 'pages', ['charts']),
    within('electra/report', 'experiment', ['charts']),
    within('electra/report', 'run', ['charts', 'export']),
    within('electra/report', 'export', []),
    within('electra/tasks', 'metrics', []),
    within('electra/tasks', 'data', []),
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } }
    },
    {
      name: 'src-never-imports-test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|examples)/' }
    },
    {
      name: 'no-unlisted-package',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], dependencyTypesNot: ['npm-peer'] }
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] }
  }
}
