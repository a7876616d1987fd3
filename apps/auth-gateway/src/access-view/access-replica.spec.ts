import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessChange, AccessEntry } from '@portcullis/contracts';
import { AccessReplica } from './access-replica.js';
import type { AccessView, LedgerFact } from './access-view.js';
import { contentOf, gone, key, ModelLedger, principal, token, voidTokens } from './testing/model-ledger.js';

const IDS = [1, 2, 3, 4];
const KIDS = ['key-1', 'key-2'];

function replicaAt(ledger: ModelLedger, seq = ledger.seq): AccessReplica {
  const replica = new AccessReplica();
  replica.install(ledger.replayedTo(seq));
  return replica;
}

describe('AccessView', () => {
  it('passes over entries of a delta that are older than what it has seen', () => {
    const ledger = new ModelLedger();
    const { entries } = ledger.commit(token(1, 'revoked'), token(1, 'active'), token(2, 'revoked'));
    const view = ledger.replayedTo(2);
    expect(view.advance([entries[2], entries[0]] as AccessEntry[], 3)).toEqual([entries[2]]);
    expect(view.tokenState(1)).toBeUndefined();
    expect(view.appliedSeq).toBe(3);
  });
});

describe('AccessReplica', () => {
  it('applies changes in order and tells listeners of each entry once', () => {
    const ledger = new ModelLedger();
    const replica = replicaAt(ledger);
    const heard: number[] = [];
    replica.onEntries((entries) => heard.push(...entries.map(({ seq }) => seq)));
    expect(replica.applyChange(ledger.commit(token(1, 'revoked'), principal(2)))).toBe('applied');
    expect(replica.applyChange(ledger.commit(token(1, 'active')))).toBe('applied');
    expect(replica.view?.appliedSeq).toBe(3);
    expect(replica.view?.tokenState(1)).toBeUndefined();
    expect(heard).toEqual([1, 2, 3]);
  });

  it('is not moved by a replayed change', () => {
    const ledger = new ModelLedger();
    const replica = replicaAt(ledger);
    const restored = [ledger.commit(token(1, 'revoked')), ledger.commit(token(1, 'active'))];
    const revokedAgain = ledger.commit(token(1, 'revoked'));
    for (const change of [...restored, revokedAgain]) replica.applyChange(change);
    for (const change of restored) expect(replica.applyChange(change)).toBe('known');
    expect(replica.view?.tokenState(1)).toBe('revoked');
    expect(replica.view?.appliedSeq).toBe(3);
  });

  it('applies swapped changes as soon as the first has come', () => {
    const ledger = new ModelLedger();
    const replica = replicaAt(ledger);
    const changes = [
      ledger.commit(token(1, 'revoked')),
      ledger.commit(token(1, 'active')),
      ledger.commit(token(2, 'revoked')),
    ];
    expect(replica.applyChange(changes[2] as AccessChange)).toBe('gap');
    expect(replica.applyChange(changes[1] as AccessChange)).toBe('gap');
    expect(replica.view?.appliedSeq).toBe(0);
    expect(replica.applyChange(changes[0] as AccessChange)).toBe('applied');
    expect(replica.view?.appliedSeq).toBe(3);
    expect(replica.view?.tokenState(2)).toBe('revoked');
  });

  it('calls a change without entries a gap, and one of another epoch foreign', () => {
    const ledger = new ModelLedger();
    const replica = replicaAt(ledger);
    const { entries: _, ...tooBig } = ledger.commit(token(1, 'revoked'));
    expect(replica.applyChange(tooBig)).toBe('gap');
    expect(replica.applyChange({ ...ledger.commit(token(2, 'revoked')), from: 1, epoch: 'other' })).toBe('other_epoch');
    expect(replica.view?.appliedSeq).toBe(0);
  });

  it('keeps what the feed brought when a renewal that was read earlier arrives late', () => {
    const ledger = new ModelLedger();
    const replica = replicaAt(ledger);
    const revoked = ledger.commit(token(1, 'revoked'));
    const lateDelta = { entries: ledger.entriesSince(0), seq: ledger.seq };
    const restored = ledger.commit(token(1, 'active'));
    replica.applyChange(revoked);
    replica.applyChange(restored);
    expect(replica.applyDelta(lateDelta.entries, lateDelta.seq)).toBe(false);
    expect(replica.view?.tokenState(1)).toBeUndefined();
    expect(replica.view?.appliedSeq).toBe(2);
  });

  it('forgets changes that it kept when a snapshot takes the place of the view', () => {
    const ledger = new ModelLedger();
    const replica = replicaAt(ledger);
    ledger.commit(token(1, 'revoked'));
    const abandoned = ledger.commit(token(2, 'revoked'));
    replica.applyChange(abandoned);
    const restored = new ModelLedger();
    replica.install(restored.replayedTo(0));
    replica.applyChange(restored.commit(token(3, 'revoked')));
    expect(replica.view?.appliedSeq).toBe(1);
    expect(replica.view?.tokenState(2)).toBeUndefined();
  });

  it('is at appliedSeq N what the ledger is when replayed to N, whatever is swapped, doubled, lost or late', () => {
    fc.assert(
      fc.property(
        fc.array(transaction, { minLength: 10, maxLength: 30, size: 'max' }),
        fc.array(step, { maxLength: 100, size: 'max' }),
        (transactions, steps) => {
          const run = new Run(transactions);
          for (const each of steps) {
            run.take(each);
            expect(run.seen()).toEqual(run.replayed());
          }
          run.renewWhole();
          expect(run.seen()).toEqual(run.replayed());
          expect(run.replica.view?.appliedSeq).toBe(run.ledger.seq);
        },
      ),
      { numRuns: 500 },
    );
  });
});

const fact: fc.Arbitrary<LedgerFact> = fc.oneof(
  fc
    .record({ id: fc.constantFrom(...IDS), value: fc.constantFrom('revoked', 'deleted', 'active') })
    .map(({ id, value }) => token(id, value as 'active')),
  fc.record({ id: fc.constantFrom(...IDS), active: fc.boolean() }).map(({ id, active }) => principal(id, active)),
  fc.constantFrom(...IDS).map((id) => gone(id)),
  fc.constantFrom(voidTokens(1, 2), voidTokens(3, 3)),
  fc
    .record({ id: fc.constantFrom(...KIDS), value: fc.constantFrom('signing', 'retired') })
    .map(({ id, value }) => key(id, value as 'signing')),
);
const transaction = fc.array(fact, { minLength: 1, maxLength: 3 });

type Step =
  | { do: 'commit' }
  | { do: 'deliver' | 'deliver_without_entries'; which: number }
  | { do: 'send_renewal' | 'read_renewal' | 'receive_renewal' | 'snapshot' };
/** Which change, counted back from the latest: mostly a recent one, sometimes an old one again. */
const back = fc.oneof({ weight: 3, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(30) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'commit' }) },
  { weight: 6, arbitrary: back.map<Step>((which) => ({ do: 'deliver', which })) },
  { weight: 1, arbitrary: back.map<Step>((which) => ({ do: 'deliver_without_entries', which })) },
  fc.constantFrom<Step>({ do: 'send_renewal' }, { do: 'read_renewal' }, { do: 'receive_renewal' }, { do: 'snapshot' }),
);

/** One ledger and one replica, with changes and a renewal on their way between the two. */
class Run {
  readonly ledger = new ModelLedger();
  readonly replica = replicaAt(this.ledger);
  readonly #published: AccessChange[] = [];
  #since: number | undefined;
  #delta: { entries: AccessEntry[]; seq: number } | undefined;

  constructor(private readonly transactions: LedgerFact[][]) {}

  take(step: Step): void {
    if (step.do === 'commit') return this.#commit();
    if ('which' in step) return this.#deliver(step.which, step.do === 'deliver');
    if (step.do === 'send_renewal') this.#since = this.replica.view?.appliedSeq;
    else if (step.do === 'read_renewal') this.#read();
    else if (step.do === 'receive_renewal') this.#receive();
    else this.replica.install(this.ledger.replayedTo(this.ledger.seq));
  }

  /** All that the replica's view says. */
  seen(): unknown {
    return contentOf(this.#view, IDS, KIDS);
  }

  /** All that the ledger says at the view's number. */
  replayed(): unknown {
    return contentOf(this.ledger.replayedTo(this.#view.appliedSeq), IDS, KIDS);
  }

  get #view(): AccessView {
    return this.replica.view as AccessView;
  }

  renewWhole(): void {
    this.take({ do: 'send_renewal' });
    this.take({ do: 'read_renewal' });
    this.take({ do: 'receive_renewal' });
  }

  #commit(): void {
    const facts = this.transactions[this.#published.length];
    if (facts) this.#published.push(this.ledger.commit(...facts));
  }

  #deliver(which: number, withEntries: boolean): void {
    const change = this.#published.at(-1 - which);
    if (!change) return;
    const { entries: _, ...bare } = change;
    this.replica.applyChange(withEntries ? change : bare);
  }

  #read(): void {
    if (this.#since === undefined) return;
    this.#delta = { entries: this.ledger.entriesSince(this.#since), seq: this.ledger.seq };
    this.#since = undefined;
  }

  #receive(): void {
    if (this.#delta) this.replica.applyDelta(this.#delta.entries, this.#delta.seq);
    this.#delta = undefined;
  }
}
