import { once } from 'node:events';
import type { DataSource } from 'typeorm';
import { describe, expect, it } from 'vitest';
import type { AccessLedger } from './access-ledger.js';
import { AccessSnapshot } from './snapshot.js';

const BUSY = expect.objectContaining({ status: 503, code: 'busy' });

describe('snapshots', () => {
  it('are so many at once at most that the API keeps connections, and one that is given up makes room', async () => {
    const snapshot = new AccessSnapshot({} as DataSource, {} as AccessLedger);
    const streams = Array.from({ length: 10 }, () => snapshot.open());
    expect(() => snapshot.open()).toThrow(BUSY);
    const [givenUp, ...others] = streams;
    await once(givenUp!.destroy(), 'close');
    others.push(snapshot.open());
    expect(() => snapshot.open()).toThrow(BUSY);
    for (const stream of others) stream.destroy();
  });

  it('that fail make room too', async () => {
    const dataSource = { createQueryRunner: () => { throw new Error('no connection'); } } as unknown as DataSource; // prettier-ignore
    const snapshot = new AccessSnapshot(dataSource, {} as AccessLedger);
    for (let i = 0; i < 20; i++) {
      await expect(once(snapshot.open().resume(), 'close')).rejects.toThrow('no connection');
    }
  });
});
