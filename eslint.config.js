import js from '@eslint/js';
import tseslint from 'typescript-eslint';

// Bare package names only, so that a folder of ours may be called "http".
const sandboxForbidden =
  '^(node:.*|fs|path|os|child_process|crypto|net|http|https|stream|timers|execa|ssh2|mongodb|pg|zod|luxon|yaml|@aws-sdk/.*|@temporalio/(worker|client|activity|testing))(/.*)?$';

export default tseslint.config(
  { ignores: ['node_modules/', '.nightshift/'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js', 'deploy/setup/run.mjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
      globals: {
        console: 'readonly',
        process: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        AbortController: 'readonly',
        AbortSignal: 'readonly',
        fetch: 'readonly',
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            {
              from: 'package',
              package: 'node:test',
              name: ['test', 'it', 'describe', 'suite', 'before', 'after', 'beforeEach', 'afterEach'],
            },
          ],
        },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      'no-restricted-syntax': ['error', { selector: 'TSEnumDeclaration', message: 'Use a literal union.' }],
    },
  },
  {
    // Activities are capabilities: none knows a procedure, a system or a worker.
    files: ['activities/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['**/workflows/**', '**/workers/**', '**/client/**', '**/deploy/**'],
              message: 'A capability knows no procedure; the worker injects what it needs.',
            },
          ],
        },
      ],
    },
  },
  {
    // Only settings read the environment.
    files: ['activities/**/*.ts', 'workflows/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'workers/settings.ts is the one reader of the environment.' },
      ],
    },
  },
  {
    // Workflow code: deterministic, and from activities only contracts and the failure constructor.
    files: ['workflows/**/*.ts'],
    ignores: ['workflows/**/*.schema.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: sandboxForbidden, message: 'Workflow code runs in the sandbox: no Node, no client library.' },
            { regex: '/activities/(?!failure\\.ts$)(?!.*\\.contract\\.ts$)', message: 'Workflows import contracts only.' },
          ],
        },
      ],
    },
  },
  { files: ['**/*.js', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
);
