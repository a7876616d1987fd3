import { expect, it } from 'vitest';
import { logExcerpt } from './log-excerpt.ts';

const routine = (msg: string) => JSON.stringify({ level: 30, msg });

it('shows what a program says as it gives up, wherever it stands among what it logs', () => {
  const log = [routine('starting'), 'The master key does not fit', routine('mapped a route')].join('\n');
  expect(logExcerpt(log)).toBe('The master key does not fit');
});

it('shows the errors of a structured log, with their cause', () => {
  const error = JSON.stringify({ level: 60, msg: 'the gateway ends', err: { message: 'out of order' } });
  expect(logExcerpt([routine('starting'), error, JSON.stringify({ level: 50, msg: 'twice' })].join('\n'))).toBe(
    'the gateway ends: out of order\ntwice',
  );
});

it('shows everything when nothing stands out, and the end of what is long', () => {
  expect(logExcerpt(`${routine('one')}\n${routine('two')}\n`)).toBe(`${routine('one')}\n${routine('two')}`);
  const long = Array.from({ length: 1_000 }, (_, i) => `line ${i}`).join('\n');
  expect(logExcerpt(long)).toMatch(/^line \d+\n[^]*line 999$/);
  expect(logExcerpt(long).length).toBeLessThanOrEqual(4_096);
});
