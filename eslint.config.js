// House rules a machine can check. Line breaks and taste are left to the reader.
import { defineConfig, globalIgnores } from 'eslint/config';
import stylistic from '@stylistic/eslint-plugin';
import tseslint from 'typescript-eslint';

const PACKAGES = '{protocol,sdk,genesis,node,oracle,scripts}';

/** Validators must come to the same bytes: no clock, chance, waiting, output or rounding in the law. */
const lawGlobals = ['Date', 'console', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance', 'process', 'fetch', 'crypto', 'parseFloat', 'Promise', 'Intl', 'WeakRef', 'FinalizationRegistry'];
const exactMath = ['abs', 'min', 'max', 'imul', 'clz32'];
const lawSyntax = [
  { selector: `MemberExpression[object.name='Math']:not([property.name=/^(${exactMath.join('|')}|floor|ceil|trunc)$/])`, message: 'Only exact integer functions of Math are the same on every machine.' },
  { selector: ":function[async=true]", message: 'Rules are synchronous: load first, decide then.' },
  { selector: 'AwaitExpression', message: 'Rules are synchronous: load first, decide then.' },
  { selector: 'Literal[raw=/^[0-9_]*\\.[0-9]|^[0-9_.]+e-[0-9]/i]', message: 'Amounts and shares are integers or fractions of integers.' },
  { selector: "MemberExpression[object.name='Number'][property.name=/^(parseFloat|EPSILON|NaN|MIN_VALUE)$/]", message: 'No floats in the law.' },
  { selector: 'CallExpression[callee.property.name=/^(toLocaleString|toLocaleLowerCase|toLocaleUpperCase|localeCompare)$/]', message: 'The result depends on the machine\'s language.' },
];

export default defineConfig(
  globalIgnores(['**/dist/', '**/node_modules/', '**/.tap/', 'apps/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  {
    files: [`${PACKAGES}/{src,test}/**/*.ts`],
    extends: [tseslint.configs.base],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { '@stylistic': stylistic },
    rules: {
      '@stylistic/semi': ['error', 'always'],
      '@stylistic/quotes': ['error', 'single', { avoidEscape: true, allowTemplateLiterals: 'avoidEscape' }],
      '@stylistic/member-delimiter-style': ['error', { singleline: { delimiter: 'semi', requireLast: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-array-delete': 'error',
      '@typescript-eslint/no-base-to-string': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/no-implied-eval': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unused-expressions': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/require-array-sort-compare': ['error', { ignoreStringArrays: true }],
      '@typescript-eslint/strict-boolean-expressions': ['error', { allowString: false, allowNumber: false, allowNullableObject: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'array-callback-return': 'error',
      complexity: ['error', 18],
      eqeqeq: 'error',
      'max-depth': ['error', 4],
      'max-lines': ['error', { max: 350, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-constant-condition': ['error', { checkLoops: 'allExceptWhileTrue' }],
      'no-else-return': 'error',
      'no-empty': 'error',
      'no-promise-executor-return': ['error', { allowVoid: true }],
      'no-self-compare': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: [`${PACKAGES}/test/**/*.ts`],
    rules: {
      // tap returns promises it awaits itself: t.test, t.rejects, t.resolves at the top of a file or group.
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: [{ from: 'package', package: '@tapjs/test', name: ['test', 'rejects', 'resolves', 'resolveMatch'] }, { from: 'package', package: '@tapjs/core', name: ['test', 'rejects', 'resolves', 'resolveMatch'] }, { from: 'package', package: '@tapjs/asserts', name: ['rejects', 'resolves', 'resolveMatch'] }] }],
      complexity: 'off',
      'max-lines-per-function': 'off',
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['protocol/src/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', ...lawGlobals],
      'no-restricted-syntax': ['error', ...lawSyntax],
      'no-restricted-properties': ['error', { object: 'globalThis', message: 'The law uses nothing of its host.' }],
    },
  },
);
