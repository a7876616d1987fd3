import { QueryFailedError } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { databaseProblem, isDatabaseUnavailable } from './database-errors.js';

const withCode = (code: string): Error => Object.assign(new Error('x'), { code });

describe('an error of Postgres', () => {
  it.each([
    ['a password that was changed', withCode('28P01')],
    ['a role that is let in no more', withCode('28000')],
    ['a database that is not there', withCode('3D000')],
    ['a primary that has become a standby', withCode('25006')],
    ['a disk that is full', withCode('53100')],
    ['too many connections', withCode('53300')],
    ['a server that starts', withCode('57P03')],
    ['a server that stops', new QueryFailedError('SELECT 1', [], withCode('57P01'))],
    ['a name that is not resolved at the moment', withCode('EAI_AGAIN')],
    ['a certificate that has expired', withCode('CERT_HAS_EXPIRED')],
    ['a server without TLS', new Error('The server does not support SSL connections')],
  ])('of %s means not now: 503, and worth another try', (_, error) => {
    expect(isDatabaseUnavailable(error)).toBe(true);
    expect(databaseProblem(error)).toMatchObject({ status: 503, code: 'unavailable' });
  });

  it.each(['23505', '42P01', '22P02', '42501', 'ERR_INVALID_ARG_TYPE'])('with the code %s is a fault', (code) => {
    expect(databaseProblem(withCode(code))).toBeUndefined();
  });
});
