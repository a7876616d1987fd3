import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { suitsLock } from './npm-ci.mjs';

const REPOSITORY = join(import.meta.dirname, '..');
const { packages } = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8'));
const { platform, arch } = process;

it.each(['20.0.0', '20.18.3', '21.7.3', '22.11.0'])('npm on Node %s would leave out what is in the lock', (version) => {
  expect(suitsLock(packages, version)).toBe(false);
});

it.each(['20.19.0', '20.20.2', '24.0.0', '26.10.0'])('npm on Node %s installs all of it', (version) => {
  expect(suitsLock(packages, version)).toBe(true);
});

it('what is for other machines, and what npm only warns of, counts for nothing', () => {
  const engines = { node: '>=99' };
  expect(suitsLock({ a: { optional: true, engines, os: ['other'] } }, '26.0.0')).toBe(true);
  expect(suitsLock({ a: { optional: true, engines, os: [platform], cpu: ['other'] } }, '26.0.0')).toBe(true);
  expect(suitsLock({ a: { engines } }, '26.0.0')).toBe(true);
  expect(suitsLock({ a: { optional: true, engines, os: [platform], cpu: [arch] } }, '26.0.0')).toBe(false);
});

it('a range that is not understood counts as not met', () => {
  expect(suitsLock({ a: { optional: true, engines: { node: '20.x' } } }, '20.19.0')).toBe(false);
});
