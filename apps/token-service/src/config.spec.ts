import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from './config.js';

const REQUIRED = {
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
  NATS_URL: 'nats://127.0.0.1:1',
  PORTCULLIS_INTERNAL_SECRET: 'x'.repeat(32),
  PORTCULLIS_MASTER_KEY: Buffer.alloc(32).toString('base64'),
};
const keysOf = (text: string): Buffer[] => readConfig({ ...REQUIRED, PORTCULLIS_MASTER_KEY: text }).masterKeys;
const daysOf = (text?: string): number | undefined =>
  readConfig({ ...REQUIRED, PORTCULLIS_EXPIRED_TOKEN_DAYS: text }).expiredTokenDays;
const withPublicUrl = (url: string) => readConfig({ ...REQUIRED, PORTCULLIS_PUBLIC_URL: url });

describe('where people reach Portcullis', () => {
  it.each(['https://portcullis.example.com', 'http://127.0.0.1:8080', 'http://localhost:8080', 'http://[::1]'])(
    'may be %s',
    (url) => expect(withPublicUrl(url).publicUrl?.href).toBe(new URL(url).href),
  );

  it.each(['http://portcullis.example.com', 'http://127.0.0.1.example.com', 'http://10.0.0.1', 'ftp://localhost', 'x'])(
    'is not %s, over which a session could be read on its way',
    (url) => expect(() => withPublicUrl(url)).toThrow('PORTCULLIS_PUBLIC_URL must be an https:// URL'),
  );

  it('need not be said: the cookie is for https then', () => {
    expect(readConfig(REQUIRED).publicUrl).toBeUndefined();
  });
});

describe('the master keys', () => {
  const [first, second] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64')) as [string, string];

  it.each([`${first},${second}`, `${first}\n${second}\n`, ` ${first} , ${second} `])('may be several: %j', (text) => {
    expect(keysOf(text).map((key) => key.toString('base64'))).toEqual([first, second]);
  });

  it.each(['short', `${first},short`, first.slice(0, -2), `${first}${second}`, Array(5).fill(first).join()])(
    'are not %j',
    (text) => expect(() => keysOf(text)).toThrow('PORTCULLIS_MASTER_KEY must be 32 bytes, base64'),
  );

  it('are different ones', () => expect(() => keysOf(`${first},${first}`)).toThrow('the same key twice'));
});

describe('how long expired tokens are kept', () => {
  it('is 90 days, as many as one says, or for ever', () => {
    expect([daysOf(), daysOf('1'), daysOf('never')]).toEqual([90, 1, undefined]);
  });

  it.each(['0', '-1', 'Never', '1.5'])('is not %s', (text) => {
    expect(() => daysOf(text)).toThrow('PORTCULLIS_EXPIRED_TOKEN_DAYS must be an integer from 1 to 36500, or never');
  });
});

describe('a certificate', () => {
  it('comes with its key, and is needed to ask others for theirs', () => {
    const env = { ...REQUIRED, NATS_CERT_FILE: '/nats.crt', PORTCULLIS_INTERNAL_CLIENT_CA_FILE: '/ca.crt' };
    expect(() => readConfig(env)).toThrow(
      /NATS_CERT_FILE and NATS_KEY_FILE go together[^]*INTERNAL_CLIENT_CA_FILE needs/,
    );
  });
});

describe('the documentation', () => {
  it('names every setting that is read', () => {
    const code = readFileSync(join(import.meta.dirname, 'config.ts'), 'utf8');
    const document = readFileSync(join(import.meta.dirname, '../../../docs/configuration.md'), 'utf8');
    const names = [...code.matchAll(/'((?:PORTCULLIS_|DATABASE_|NATS_)[A-Z_]+)'/g)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !document.includes(`\`${name}\``))).toEqual([]);
  });
});
