import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { masterKeyId, MasterKeys, WrongMasterKeyError } from './master-keys.js';

const [OLD, NEW, OTHER] = [1, 2, 3].map((byte) => Buffer.alloc(32, byte)) as [Buffer, Buffer, Buffer];
const secret = randomBytes(48);

describe('master keys', () => {
  it('wrap with the first and unwrap with each', () => {
    const byOld = new MasterKeys([OLD]).wrap('secret:a', secret);
    expect(byOld.masterKeyId).toBe(masterKeyId(OLD));
    const both = new MasterKeys([NEW, OLD]);
    expect(both.unwrap('secret:a', byOld)).toEqual(secret);
    const byNew = both.wrap('secret:a', secret);
    expect(byNew.masterKeyId).toBe(masterKeyId(NEW));
    expect(new MasterKeys([OLD, NEW]).unwrap('secret:a', byNew)).toEqual(secret);
  });

  it('find out by which of them something was wrapped that does not say so', () => {
    const { wrapped } = new MasterKeys([OLD]).wrap('secret:a', secret);
    const opened = new MasterKeys([OTHER, NEW, OLD]).open('secret:a', { wrapped, masterKeyId: null });
    expect(opened).toEqual({ secret, masterKeyId: masterKeyId(OLD) });
  });

  it('name the key that is needed and those that are given, and neither itself', () => {
    const wrapped = new MasterKeys([NEW]).wrap('secret:a', secret);
    const attempt = (): Buffer => new MasterKeys([OLD, OTHER]).unwrap('secret:a', wrapped);
    expect(attempt).toThrow(WrongMasterKeyError);
    expect(attempt).toThrow(
      new RegExp(`needs the master key ${masterKeyId(NEW)}.*${masterKeyId(OLD)}, ${masterKeyId(OTHER)}`),
    );
    for (const key of [OLD, NEW, OTHER]) expect(key.toString('hex')).not.toContain(masterKeyId(key));
  });

  it('open nothing that was moved to another row, changed, or said to be of another key', () => {
    const keys = new MasterKeys([NEW, OLD]);
    const { wrapped, masterKeyId: id } = keys.wrap('signing-key:a', secret);
    const changed = Buffer.from(wrapped);
    changed[40]! ^= 1;
    const attempts = [
      () => keys.unwrap('signing-key:b', { wrapped, masterKeyId: id }),
      () => keys.unwrap('signing-key:a', { wrapped: changed, masterKeyId: id }),
      () => keys.unwrap('signing-key:a', { wrapped, masterKeyId: masterKeyId(OLD) }),
      () => keys.unwrap('signing-key:a', { wrapped: wrapped.subarray(0, 20), masterKeyId: null }),
    ];
    for (const attempt of attempts) expect(attempt).toThrow(WrongMasterKeyError);
  });
});
