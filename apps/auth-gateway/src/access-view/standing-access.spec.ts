import { beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '@portcullis/access-control';
import { AccessReplica } from './access-replica.js';
import { AckPublisher } from './ack-publisher.js';
import { instantOf } from './clock.js';
import { Lease } from './lease.js';
import { type Standing, StandingAccess } from './standing-access.js';
import { ManualClock, settle } from './testing/manual-clock.js';
import { key, ModelLedger, principal, token, voidTokens } from './testing/model-ledger.js';

const LEASE_MS = 3_000;

let clock: ManualClock;
let lease: Lease;
let replica: AccessReplica;
let ledger: ModelLedger;
let standing: StandingAccess;
let events: string[];
beforeEach(() => start(false));

function start(outlastsLease: boolean): void {
  clock = new ManualClock();
  lease = new Lease(clock);
  lease.extend(instantOf(clock), LEASE_MS);
  replica = new AccessReplica();
  ledger = new ModelLedger();
  replica.install(ledger.replayedTo(0));
  standing = new StandingAccess({ replica, lease, clock, outlastsLease });
  events = [];
}

function stand(tokenId: number, userId: number, mayGoOn = false, expiresAt = Infinity): Standing {
  const caller: Caller = { principal: { id: userId } as Caller['principal'], tokenId, scim: false, expiresAt };
  const one = {
    caller,
    mayGoOn: () => (events.push(`asked ${tokenId}`), mayGoOn),
    end: () => void events.push(`ended ${tokenId}`),
  };
  expect(standing.add(one)).toBe(true);
  return one;
}

describe('what was let in once and lasts', () => {
  it('ends before the number that ends it is acknowledged', async () => {
    const acks = new AckPublisher(
      'gw-1',
      () => ({
        identity: { leaseId: 'l', macHeader: () => '' } as never,
        epoch: 'e',
        seq: replica.view?.appliedSeq ?? 0,
      }),
      () => void events.push('acknowledged'),
    );
    stand(5, 7);
    replica.applyChange(ledger.commit(token(5, 'revoked')));
    acks.schedule();
    await settle();
    expect(events).toEqual(['asked 5', 'ended 5', 'acknowledged']);
  });

  it('is asked about only when its token or its user is concerned, or a key is retired, or tokens are void', () => {
    stand(5, 7, true);
    stand(6, 8, true);
    replica.applyChange(ledger.commit(token(6, 'revoked')));
    replica.applyChange(ledger.commit(principal(7, false)));
    replica.applyChange(ledger.commit(token(7, 'revoked')));
    expect(events).toEqual(['asked 6', 'asked 5']);
    replica.applyChange(ledger.commit(key('key-2', 'signing')));
    expect(events).toHaveLength(2);
    replica.applyChange(ledger.commit(key('key-1', 'retired')));
    expect(events.slice(2)).toEqual(['asked 5', 'asked 6']);
    replica.applyChange(ledger.commit(voidTokens(5, 9)));
    expect(events.slice(4)).toEqual(['asked 5', 'asked 6']);
    expect(standing.count).toBe(2);
  });

  it('ends with the lease, unasked, and lasts as long as the lease is renewed', async () => {
    stand(5, 7, true);
    await clock.advance(LEASE_MS - 1);
    lease.extend(instantOf(clock), LEASE_MS);
    await clock.advance(LEASE_MS - 1);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(['ended 5']);
  });

  it('holds no longer than the lease even where no timer has fired: a frozen machine’s clock has gone on', () => {
    const { caller } = stand(5, 7, true);
    clock.stepWall(LEASE_MS);
    expect(standing.holds(caller)).toBe(false);
    expect(standing.add({ caller, mayGoOn: () => true, end: () => undefined })).toBe(false);
  });

  it('ends when its token expires, though another is looked at later', async () => {
    stand(6, 8, true);
    stand(5, 7, true, Math.floor(clock.wallMs() / 1000) + 1);
    await clock.advance(1_000);
    expect(events).toEqual(['ended 5']);
  });

  it('outlasts a lease that runs out where the gateway is to go on with what it knows, but not one that is closed', async () => {
    start(true);
    stand(5, 7, true);
    stand(6, 7, true, Math.floor(clock.wallMs() / 1000) + 60);
    await clock.advance(50_000);
    expect(events).toEqual([]);
    await clock.advance(10_000);
    expect(events).toEqual(['ended 6']);
    lease.close();
    expect(events).toEqual(['ended 6', 'ended 5']);
  });
});
