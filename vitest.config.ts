import { availableParallelism } from 'node:os';
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

// The time limits are for machines that are busy with something else: they end what hangs, and are no measurement.
// Libs are read from source (their `portcullis-source` export condition), so unit tests need no build.
// End-to-end tests start the built apps: `npm test` builds first.
const conditions = ['portcullis-source', ...defaultServerConditions];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    teardownTimeout: 60_000,
    // More than cores: tests of whole systems also wait, for leases to end, processes to start, browsers to draw.
    maxWorkers: Math.ceil(1.5 * Math.max(2, availableParallelism())),
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{apps,libs,scripts}/**/*.spec.ts'],
          environment: 'node',
          // Most of their time went into loading Nest and TypeORM anew for each file.
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/**/*.spec.ts'],
          exclude: ['test/long/**'],
          environment: 'node',
          testTimeout: 90_000,
          hookTimeout: 120_000,
          globalSetup: ['test/harness/global-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: ['test/long/**/*.spec.ts'],
          environment: 'node',
          hookTimeout: 90_000,
          globalSetup: ['test/harness/global-setup.ts'],
        },
      },
    ],
  },
});
