import tseslint from 'typescript-eslint'

/**
 * Functions of the host that engines may round as they like, and do: a number that they made may have other bits in another
 * engine, or the next version of this one. `sqrt`, `fround`, `floor` and the like are exact everywhere.
 */
const inexact =
  'exp expm1 log log1p log2 log10 pow sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh cbrt hypot'

const inexactProperties = inexact.split(' ').map((property) => ({
  object: 'Math',
  property,
  message:
    'Engines round it differently: what reaches the state of a run must not depend on it. Allowed by file, with a reason.'
}))

const syntax = [
  { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
  { selector: 'ExportAllDeclaration[source.value=/\\.\\.\\//]', message: 'A public face exports its own folder.' }
]

/** Powers of two come out exact in every engine. */
const inexactPower = {
  selector: "BinaryExpression[operator='**']:not([left.value=2])",
  message: 'Engines round powers differently, as they do Math.pow: multiply.'
}

/** Files whose inexact numbers reach no weight and no moment. */
const inexactAllowed = [
  // The reference device: it defines an operation as the host computes it, and promises its bits in one engine only.
  'src/tensor/run/reference/{scalar,erf}.ts',
  // The learning rate as it is reported; the one that steps take is computed in the program.
  'src/nn/schedule.ts',
  // How large the tensors of a test may be.
  'src/testing/arbitraries.ts',
  // Numbers to compare losses with, in reports: a base rate's entropy, and chance.
  'src/electra/objective/entropy.ts',
  'src/electra/cli/report.ts',
  // How likely texts are, to be read and compared.
  'src/electra/scoring/replaced-token.ts',
  // How sure a comparison is.
  'src/electra/statistics/student.ts'
]

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'bench/node_modules/', 'bench/gpu/out/', 'runs/', 'coverage/'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/array-type': ['error', { default: 'generic' }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'type'],
      // The compiler already reports unused locals and parameters, by the same convention of a leading underscore.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^fp-ts/(?!lib/)', message: 'Use fp-ts/lib/X.js: the short form fails in plain Node.' },
            { regex: '^\\.\\.?/(?!.*(\\.(js|mjs|json)|\\?raw)$)', message: 'Relative imports carry their .js ending.' }
          ]
        }
      ],
      'no-restricted-syntax': ['error', ...syntax]
    }
  },
  {
    files: ['**/*.config.{ts,js,mjs}', '*.cjs'],
    rules: { 'no-restricted-syntax': 'off' }
  },
  {
    files: ['src/**/*.ts'],
    ignores: inexactAllowed,
    rules: {
      'no-restricted-properties': ['error', ...inexactProperties],
      'no-restricted-syntax': ['error', ...syntax, inexactPower]
    }
  },
  { files: ['**/*.js', '**/*.mjs', '**/*.cjs'], ...tseslint.configs.disableTypeChecked }
)
