import { defineConfig } from 'vitest/config';

export default defineConfig({
  // One service for all: what it counts would not add up with two files at once.
  test: {
    include: ['tests/*.test.js', '*/tests/*.test.js'],
    globalSetup: 'support/setup.js',
    fileParallelism: false,
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
