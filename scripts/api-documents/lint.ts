import { join } from 'node:path';
import { BaseResolver, formatProblems, getTotals, lint, loadConfig } from '@redocly/openapi-core';

// `npm run lint:api`: fails on anything that the linter has to say of the API's documents. It asks the network for nothing.
const repository = join(import.meta.dirname, '..', '..');
const config = await loadConfig({ configPath: join(repository, 'redocly.yaml') });
const resolver = new BaseResolver();
resolver.loadExternalRef = async (reference) => {
  if (/^[a-z]+:\/\//i.test(reference)) throw new Error(`${reference} is not on this machine`);
  return BaseResolver.prototype.loadExternalRef.call(resolver, reference);
};

for (const name of ['openapi.json', 'asyncapi.yaml']) {
  const problems = await lint({ ref: join(repository, 'docs', name), config, externalRefResolver: resolver });
  const totals = getTotals(problems);
  if (problems.length > 0) {
    formatProblems(problems, { format: 'stylish', totals, version: '', color: false, maxProblems: 200 });
    process.exitCode = 1;
  }
  console.log(`docs/${name}: ${totals.errors} errors, ${totals.warnings} warnings`);
}
