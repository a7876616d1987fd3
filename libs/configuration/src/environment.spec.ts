import { describe, expect, it } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { Environment, type Variables } from './environment.js';

function faultsOf(variables: Variables, read: (env: Environment) => unknown): readonly string[] {
  const env = new Environment(variables);
  read(env);
  try {
    env.assertRight();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  return [];
}

describe('an environment', () => {
  it('says all that is wrong at once, each fault once and no value', () => {
    const faults = faultsOf({ PORT: '99999', MODE: 'wild', KEY_FILE: '/nowhere/at-all' }, (env) => {
      env.integer('PORT', 1, 1, 65_535);
      env.integer('PORT', 1, 1, 65_535);
      env.oneOf('MODE', ['calm'], 'calm');
      env.secret('KEY');
      env.secret('OTHER');
    });
    expect(faults).toEqual([
      'PORT must be an integer from 1 to 65535',
      'MODE must be one of calm',
      expect.stringMatching(/^KEY_FILE can't be read: ENOENT/),
      'OTHER is required (or OTHER_FILE)',
    ]);
    expect(faults.join()).not.toMatch(/99999|wild/);
  });

  it('takes an empty variable for one that is not set', () => {
    const env = new Environment({ A: ' ', B: '', C: '' });
    expect([env.text('A', 'fallback'), env.integer('B', undefined, 1, 2), env.list('C')]).toEqual([
      'fallback',
      undefined,
      [],
    ]);
  });

  it.each(['0', '11', '-1', '1.5', '1e1', '0x1', '१'])('does not take %s for an integer from 1 to 10', (text) => {
    expect(faultsOf({ N: text }, (env) => env.integer('N', 1, 1, 10))).toHaveLength(1);
  });

  it('reads a secret from a file, and refuses one that is given twice', () => {
    const env = new Environment({ KEY_FILE: '/run/key' }, (path) => `of ${path}\n`);
    expect(env.secret('KEY')).toBe('of /run/key');
    expect(faultsOf({ KEY: 'a', KEY_FILE: '/run/key' }, (twice) => twice.secret('KEY'))).toEqual([
      'KEY is given twice: by KEY and by KEY_FILE',
    ]);
  });

  it.each(['http://n:4222', 'n:4222', 'nats://a,http://b'])('does not take %s for the URLs of NATS', (text) => {
    const faults = faultsOf({ NATS_URL: text }, (env) => env.secretUrls('NATS_URL', ['nats', 'tls']));
    expect(faults).toEqual(['NATS_URL must begin with nats:// or tls://']);
  });

  it('passes over empty parts of a list, and does not take one of nothing else for the URLs of NATS', () => {
    const env = new Environment({ LIST: 'a, ,b,', NATS_URL: 'nats://n,' });
    expect(env.parsedList('LIST', (text) => text.toUpperCase(), 'letters', [])).toEqual(['A', 'B']);
    expect(env.secretUrls('NATS_URL', ['nats'])).toEqual(['nats://n']);
    expect(faultsOf({ NATS_URL: ' , ' }, (empty) => empty.secretUrls('NATS_URL', ['nats']))).toEqual([
      'NATS_URL is required (or NATS_URL_FILE)',
    ]);
  });

  it('takes a certificate with its key alone', () => {
    expect(faultsOf({ CERT: '/c' }, (env) => env.pair('CERT', 'KEY'))).toEqual(['CERT and KEY go together']);
    expect(new Environment({ CERT: '/c', KEY: '/k' }).pair('CERT', 'KEY')).toEqual({ certFile: '/c', keyFile: '/k' });
  });
});
