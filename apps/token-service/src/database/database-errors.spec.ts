import { Logger } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import { databaseProblem, isDatabaseUnavailable } from './database-errors.js';

const failedWith = (code: string): Error => Object.assign(new Error('it failed'), { code });

describe('Postgres can’t do it now', () => {
  it.each([
    ['08006', 'a connection that broke'],
    ['25006', 'a primary that became a standby'],
    ['28P01', 'a password that was changed'],
    ['3D000', 'a database that is being restored'],
    ['40P01', 'a deadlock'],
    ['53100', 'a full disk'],
    ['53300', 'too many connections'],
    ['57014', 'a statement that took too long'],
    ['57P01', 'a shutdown'],
    ['58030', 'an I/O error'],
    ['EAI_AGAIN', 'a name server that is away'],
    ['ECONNREFUSED', 'nobody listening'],
    ['EHOSTUNREACH', 'a machine that is gone'],
    ['ENETUNREACH', 'a network that is gone'],
    ['CERT_HAS_EXPIRED', 'a certificate that has expired'],
  ])('%s: %s', (code) => {
    expect(isDatabaseUnavailable(failedWith(code))).toBe(true);
    expect(databaseProblem(failedWith(code))).toMatchObject({ status: 503, code: 'unavailable' });
  });
});

it('is said in the log, once for all requests that fail of the same cause', () => {
  const said = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
  for (const message of ['disk full', 'disk full', 'too many connections'])
    databaseProblem(Object.assign(new Error(message), { code: '53100' }));
  expect(said.mock.calls.flat()).toEqual([
    expect.stringContaining('disk full'),
    expect.stringContaining('too many connections'),
  ]);
});

describe('a fault of ours', () => {
  it.each(['22P02', '23505', '42601', '42P01', '53', 'ERR_INVALID_ARG_TYPE'])('%s stays one', (code) => {
    expect(isDatabaseUnavailable(failedWith(code))).toBe(false);
    expect(databaseProblem(failedWith(code))).toBeUndefined();
  });

  it('is not told by anything but an error', () => {
    expect(isDatabaseUnavailable({ code: '57P01' })).toBe(false);
  });
});
