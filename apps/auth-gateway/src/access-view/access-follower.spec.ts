import { afterEach, describe, expect, it } from 'vitest';
import type { AccessFeedMessage } from '@portcullis/contracts';
import { type AccessComponents, assembleAccess } from './access-components.js';
import { ManualClock, settle } from './testing/manual-clock.js';
import { key, LEASE_MS, ModelLedger, principal, token } from './testing/model-ledger.js';
import { ScriptedApi } from './testing/scripted-api.js';

interface Ack {
  seq: number;
  leaseId: string;
}

class Harness {
  readonly clock = new ManualClock();
  readonly ledger = new ModelLedger();
  readonly api = new ScriptedApi(this.ledger, this.clock);
  readonly acks: Ack[] = [];
  readonly warnings: string[] = [];
  readonly access: AccessComponents = assembleAccess({
    instance: 'gw-1',
    whenStale: 'deny' as const,
    verifiedTokensMax: 10,
    api: this.api.asApi,
    nats: { connection: () => new Promise(() => {}), isConnected: false },
    clock: this.clock,
    log: { info: () => {}, warn: (message) => this.warnings.push(message) },
  });

  async start(): Promise<this> {
    this.ledger.commit(key('key-1', 'signing'), principal(7));
    this.access.follower.start({ schedule: () => this.#acknowledge() });
    await this.clock.advance(0);
    return this;
  }

  get view() {
    return this.access.replica.view;
  }

  get isOpen(): boolean {
    return this.access.lease.holds();
  }

  tell(message: AccessFeedMessage): void {
    this.access.follower.follow(message);
  }

  heartbeat(seq = this.ledger.seq): void {
    this.tell({ type: 'heartbeat', epoch: this.ledger.epoch, seq, at: this.clock.wallMs() });
  }

  /** Lets time pass with a heartbeat every 500 ms. */
  async liveFor(forMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < forMs; passedMs += 500) {
      this.heartbeat();
      await this.clock.advance(500);
    }
  }

  #acknowledge(): void {
    const confirmation = this.access.follower.confirmation();
    if (confirmation) this.acks.push({ seq: confirmation.seq, leaseId: confirmation.identity.leaseId });
  }
}

let harness: Harness;
const started = async (): Promise<Harness> => (harness = await new Harness().start());

afterEach(async () => {
  const released = harness.access.follower.release();
  await harness.clock.advance(5_000);
  await released.catch(() => {});
});

describe('AccessFollower', () => {
  it('registers, takes a snapshot and the keys, and opens with the first lease', async () => {
    const { api, view, isOpen } = await started();
    expect(api.calls.slice(0, 4)).toEqual(['register', 'snapshot', 'keys', 'renew']);
    expect(view?.appliedSeq).toBe(2);
    expect(isOpen).toBe(true);
  });

  it('stays shut with a snapshot and no lease', async () => {
    harness = new Harness();
    harness.api.before.renew = () => {
      throw new Error('unreachable');
    };
    await harness.start();
    expect(harness.view).toBeDefined();
    expect(harness.isOpen).toBe(false);
    delete harness.api.before.renew;
    await harness.clock.advance(2_000);
    expect(harness.isOpen).toBe(true);
  });

  it('renews every 2 s while the feed lives, and every 250 ms once it is silent for 1.5 s', async () => {
    const { api, clock } = await started();
    await harness.liveFor(1_000);
    const before = api.renewals.length;
    await harness.liveFor(10_000);
    expect(api.renewals.length - before).toBe(5);
    await clock.advance(1_500);
    const silent = api.renewals.length;
    await clock.advance(2_000);
    expect(api.renewals.length - silent).toBe(8);
  });

  it('fails closed when the lease runs out', async () => {
    const { api, clock } = await started();
    api.before.renew = () => {
      throw new Error('unreachable');
    };
    await clock.advance(LEASE_MS - 1_000);
    expect(harness.isOpen).toBe(true);
    await clock.advance(1_000);
    expect(harness.isOpen).toBe(false);
  });

  it('counts the lease from when the renewal was sent', async () => {
    const { api, clock } = await started();
    const answered = Promise.withResolvers<void>();
    api.onTheWayBack = () => answered.promise;
    await clock.advance(2_000);
    await clock.advance(LEASE_MS - 300);
    api.onTheWayBack = () => {
      throw new Error('unreachable');
    };
    answered.resolve();
    await settle();
    expect(harness.access.lease.remainingMs()).toBeLessThan(LEASE_MS - 9_500);
    await clock.advance(600);
    expect(harness.isOpen).toBe(false);
  });

  it('closes when the wall clock jumps, until the next renewal', async () => {
    const { clock } = await started();
    clock.stepWall(LEASE_MS);
    expect(harness.isOpen).toBe(false);
    await clock.advance(2_000);
    expect(harness.isOpen).toBe(true);
  });

  it('says how far its wall clock is off', async () => {
    const { api, clock } = await started();
    expect(harness.access.follower.clockOffMs).toBe(0);
    api.clockOffMs = 7_000;
    await clock.advance(2_000);
    expect(harness.access.follower.clockOffMs).toBe(7_000);
    api.clockOffMs = -6_000;
    await clock.advance(2_000);
    expect(harness.access.follower.clockOffMs).toBe(6_000);
  });

  it('applies a change at once and acknowledges it', async () => {
    const { ledger } = await started();
    harness.tell(ledger.commit(token(5, 'revoked')));
    expect(harness.view?.tokenState(5)).toBe('revoked');
    expect(harness.acks.at(-1)).toEqual({ seq: 3, leaseId: 'gw-1.1' });
  });

  it('renews at once on a gap, and then again so that a barrier hears of it', async () => {
    const { api, ledger, clock } = await started();
    await harness.liveFor(500);
    const before = api.renewals.length;
    ledger.commit(token(5, 'revoked'));
    harness.tell(ledger.commit(token(6, 'revoked')));
    expect(harness.view?.tokenState(5)).toBeUndefined();
    await clock.advance(50);
    expect(harness.view?.tokenState(5)).toBe('revoked');
    expect(api.renewals.slice(before).map(({ applied_seq }) => applied_seq)).toEqual([2, 4]);
  });

  it('renews at once on a heartbeat that is ahead', async () => {
    const { ledger, clock } = await started();
    ledger.commit(token(5, 'revoked'));
    harness.heartbeat();
    await clock.advance(20);
    expect(harness.view?.tokenState(5)).toBe('revoked');
  });

  it('does not take an old heartbeat for a sign of life', async () => {
    const { clock } = await started();
    const old: AccessFeedMessage = { type: 'heartbeat', epoch: 'epoch-1', seq: 2, at: clock.wallMs() };
    await clock.advance(6_000);
    harness.tell(old);
    expect(harness.access.follower.feedIsSilent).toBe(true);
  });

  it('is not moved by messages of another epoch, and not hurried into a flood of renewals', async () => {
    const { api, clock, ledger } = await started();
    await harness.liveFor(500);
    const before = api.renewals.length;
    for (let tick = 0; tick < 100; tick += 1) {
      harness.tell({ ...ledger.commit(token(5, 'revoked')), from: 3, epoch: 'epoch-0' });
      ledger.history.pop();
      await clock.advance(10);
    }
    expect(harness.view?.tokenState(5)).toBeUndefined();
    expect(harness.isOpen).toBe(true);
    expect(api.renewals.length - before).toBeLessThanOrEqual(6);
  });

  it('closes on another epoch and follows it whole, never a mixture of the two', async () => {
    const { api, clock, ledger } = await started();
    harness.tell(ledger.commit(token(5, 'revoked')));
    const restored = new ModelLedger('epoch-2');
    restored.commit(key('key-1', 'signing'), principal(8), token(9, 'revoked'), token(10, 'revoked'));
    api.ledger = restored;
    const snapshot = Promise.withResolvers<void>();
    api.before.snapshot = () => snapshot.promise;
    await clock.advance(2_000);
    expect(harness.isOpen).toBe(false);
    snapshot.resolve();
    await clock.advance(100);
    expect(harness.isOpen).toBe(true);
    expect(harness.view?.epoch).toBe('epoch-2');
    expect(harness.view?.tokenState(5)).toBeUndefined();
    expect(harness.view?.principal(7)).toBeUndefined();
    expect(harness.view?.tokenState(9)).toBe('revoked');
  });

  it('closes and takes a snapshot when the ledger is behind what was applied', async () => {
    const { api, clock, ledger } = await started();
    harness.tell(ledger.commit(token(5, 'revoked')));
    ledger.history.pop();
    await clock.advance(2_500);
    expect(api.calls.filter((call) => call === 'snapshot')).toHaveLength(2);
    expect(harness.view?.appliedSeq).toBe(2);
    expect(harness.view?.tokenState(5)).toBeUndefined();
    expect(harness.isOpen).toBe(true);
  });

  it('does not take a change that overtook a renewal for a ledger that was set back', async () => {
    const { api, clock, ledger } = await started();
    api.onTheWayBack = () => harness.tell(ledger.commit(token(5, 'revoked')));
    await clock.advance(2_000);
    api.onTheWayBack = () => {};
    expect(api.calls.filter((call) => call === 'snapshot')).toHaveLength(1);
    expect(harness.view?.tokenState(5)).toBe('revoked');
  });

  it('takes a snapshot when it is told to, and opens only after a renewal has caught up with it', async () => {
    const { api, clock, ledger } = await started();
    ledger.commit(token(4, 'revoked'));
    ledger.compactedSeq = ledger.seq;
    api.before.snapshot = async () => {
      api.snapshotLines = () => older;
      ledger.commit(token(5, 'revoked'));
    };
    const older = ledger.snapshotLines();
    const openAt: [seq: number | undefined, open: boolean][] = [];
    api.before.renew = () => void openAt.push([harness.view?.appliedSeq, harness.isOpen]);
    await clock.advance(2_500);
    expect(openAt).toContainEqual([3, false]);
    expect(openAt).not.toContainEqual([3, true]);
    expect(harness.view?.tokenState(5)).toBe('revoked');
    expect(harness.isOpen).toBe(true);
  });

  it('does not use a snapshot that was cut off', async () => {
    harness = new Harness();
    const whole = harness.api.snapshotLines;
    harness.api.snapshotLines = () => whole().slice(0, -1);
    await harness.start();
    expect(harness.view).toBeUndefined();
    harness.api.snapshotLines = whole;
    await harness.clock.advance(2_000);
    expect(harness.isOpen).toBe(true);
  });

  it('closes when its lease is unknown or fenced, registers anew and goes on from where it was', async () => {
    const { api, clock, ledger } = await started();
    harness.tell(ledger.commit(token(5, 'revoked')));
    api.leases.clear();
    const registered = Promise.withResolvers<void>();
    api.before.register = () => registered.promise;
    await clock.advance(2_000);
    expect(harness.isOpen).toBe(false);
    registered.resolve();
    await clock.advance(100);
    expect(harness.isOpen).toBe(true);
    expect(api.calls.filter((call) => call === 'snapshot')).toHaveLength(1);
    expect(harness.access.follower.identity?.leaseId).toBe('gw-1.2');
  });

  it('backs off when nothing helps', async () => {
    const { api, clock } = await started();
    api.before.renew = () => void api.leases.clear();
    const before = api.calls.length;
    await clock.advance(60_000);
    expect(api.calls.length - before).toBeLessThan(150);
    expect(harness.isOpen).toBe(false);
  });

  it('is back as soon as a token-service answers again, though it has to begin anew with everything', async () => {
    const { api, clock, ledger } = await started();
    api.before.renew = () => Promise.reject(new Error('away'));
    await clock.advance(60_000);
    api.leases.clear();
    ledger.epoch = 'epoch-2';
    const asked = api.renewals.length;
    api.before.renew = () => undefined;
    while (api.renewals.length === asked) await clock.advance(10);
    await clock.advance(500);
    expect(harness.isOpen).toBe(true);
    expect(harness.view?.epoch).toBe('epoch-2');
  });

  it('releases its lease in the end, and never opens again', async () => {
    const { api, clock } = await started();
    const answered = Promise.withResolvers<void>();
    api.onTheWayBack = () => answered.promise;
    await clock.advance(2_000);
    const released = harness.access.follower.release();
    expect(harness.isOpen).toBe(false);
    answered.resolve();
    await released;
    expect(api.leases.size).toBe(0);
    expect(harness.isOpen).toBe(false);
  });
});

describe('signing keys', () => {
  it('are fetched again before a number that names an unknown one is acknowledged', async () => {
    const { api, clock, ledger } = await started();
    const fetched = Promise.withResolvers<void>();
    api.before.keys = () => fetched.promise;
    ledger.kids.push('key-2');
    harness.tell(ledger.commit(key('key-2', 'verifying')));
    harness.tell(ledger.commit(token(5, 'revoked')));
    await clock.advance(2_000);
    expect(harness.view?.tokenState(5)).toBe('revoked');
    expect(harness.acks.at(-1)?.seq).toBe(2);
    expect(api.renewals.at(-1)?.applied_seq).toBe(2);
    expect(harness.isOpen).toBe(true);
    fetched.resolve();
    await clock.advance(50);
    expect(harness.acks.at(-1)?.seq).toBe(4);
    expect(api.renewals.at(-1)?.applied_seq).toBe(4);
  });

  it('are fetched once more when another one is named meanwhile', async () => {
    const { api, ledger } = await started();
    const answers = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let asked = 0;
    api.before.keys = () => answers[asked++]?.promise;
    harness.tell(ledger.commit(key('key-2', 'verifying')));
    harness.tell(ledger.commit(key('key-3', 'verifying')));
    answers[0]?.resolve();
    await settle();
    expect(asked).toBe(2);
    expect(harness.acks.at(-1)?.seq).toBe(2);
    answers[1]?.resolve();
    await settle();
    expect(harness.acks.at(-1)?.seq).toBe(4);
  });

  it('that do not come let the lease end, so that no barrier waits for this gateway for ever', async () => {
    const { api, clock, ledger } = await started();
    api.before.keys = () => {
      throw new Error('unreachable');
    };
    harness.tell(ledger.commit(key('key-2', 'verifying')));
    await clock.advance(4_000);
    const before = api.renewals.length;
    await clock.advance(LEASE_MS);
    expect(api.renewals.length).toBe(before);
    expect(harness.isOpen).toBe(false);
    delete api.before.keys;
    await clock.advance(2_000);
    expect(harness.isOpen).toBe(true);
  });
});
