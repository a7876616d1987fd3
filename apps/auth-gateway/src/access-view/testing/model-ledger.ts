import { generateKeyPairSync, sign } from 'node:crypto';
import type {
  AccessChange,
  AccessEntry,
  AccessFeedMessage,
  KeysResponse,
  RenewRequest,
  RenewResponse,
} from '@portcullis/contracts';
import { type LedgerFact, AccessView } from '../access-view.js';

const feedKeys = generateKeyPairSync('ed25519');
const tokenKeys = generateKeyPairSync('ed25519');

export const LEASE_MS = 10_000;
export const FEED_PUBLIC_KEY = feedKeys.publicKey.export({ format: 'jwk' }).x as string;
export const TOKEN_PRIVATE_KEY = tokenKeys.privateKey;
export const TOKEN_ID_MAC_KEY = Buffer.alloc(32, 7);

/** base64url Ed25519, as the token-service signs its feed. */
export function signFeed(
  message: AccessFeedMessage,
  key = feedKeys.privateKey,
): { payload: Buffer; signature: string } {
  const payload = Buffer.from(JSON.stringify(message));
  return { payload, signature: sign(null, payload, key).toString('base64url') };
}

/** For tests: the access ledger as the token-service would keep it, with its whole history. */
export class ModelLedger {
  readonly history: AccessEntry[] = [];
  compactedSeq = 0;
  kids = ['key-1'];

  constructor(public epoch = 'epoch-1') {}

  get seq(): number {
    return this.history.length;
  }

  /** Commits facts as one transaction. @returns the change to publish */
  commit(...facts: LedgerFact[]): AccessChange & { entries: AccessEntry[] } {
    const from = this.seq + 1;
    for (const fact of facts) this.history.push({ seq: this.seq + 1, ...fact });
    return { type: 'change', epoch: this.epoch, from, to: this.seq, entries: this.history.slice(from - 1) };
  }

  /** Latest entries per id, newer than `since`, as of `seq`. */
  entriesSince(since: number, seq = this.seq): AccessEntry[] {
    const latest = new Map<string, AccessEntry>();
    for (const entry of this.history.slice(0, seq)) latest.set(`${entry.kind}/${entry.id}`, entry);
    return [...latest.values()].filter((entry) => entry.seq > since).toSorted((a, b) => a.seq - b.seq);
  }

  /** What every view must be at this number. */
  replayedTo(seq: number): AccessView {
    const view = new AccessView(this.epoch, seq);
    for (const entry of this.history.slice(0, seq)) view.put(entry);
    return view;
  }

  renew({ epoch, applied_seq }: RenewRequest, now: number): RenewResponse {
    const head = { lease_ms: LEASE_MS, epoch: this.epoch, seq: this.seq, now };
    if (epoch !== this.epoch || applied_seq > this.seq || applied_seq < this.compactedSeq) {
      return { ...head, snapshot_required: true };
    }
    return { ...head, entries: this.entriesSince(applied_seq) };
  }

  keys(): KeysResponse {
    return {
      issuer: 'portcullis',
      keys: this.kids.map((kid) => ({
        kid,
        alg: 'EdDSA',
        public_key: tokenKeys.publicKey.export({ format: 'jwk' }).x as string,
      })),
      token_id_mac_key: TOKEN_ID_MAC_KEY.toString('base64url'),
      feed_public_key: FEED_PUBLIC_KEY,
    };
  }

  snapshotLines(): string[] {
    const entries = this.entriesSince(0);
    const tokens = (['revoked', 'deleted', 'active'] as const).map((state) => ({
      kind: 'token',
      state,
      ids: entries.filter(({ kind, value }) => kind === 'token' && value === state).map(({ id }) => Number(id)),
    }));
    const others = (['principal', 'key', 'void_tokens'] as const).map((kind) => ({
      kind,
      entries: entries.filter((entry) => entry.kind === kind).map(({ id, value }) => [id, value]),
    }));
    const lines = [{ epoch: this.epoch, seq: this.seq }, ...tokens, ...others, { end: true, count: entries.length }];
    return lines.map((line) => `${JSON.stringify(line)}\n`);
  }
}

export const token = (id: number, value: 'revoked' | 'deleted' | 'active'): LedgerFact => ({
  kind: 'token',
  id: String(id),
  value,
});

export const key = (id: string, value: 'signing' | 'verifying' | 'retired'): LedgerFact => ({ kind: 'key', id, value });

export const voidTokens = (from: number, to: number): LedgerFact => ({
  kind: 'void_tokens',
  id: `${from}-${to}`,
  value: 'deleted',
});

export const principal = (id: number, active = true, role: 'Member' | 'Admin' = 'Member'): LedgerFact => ({
  kind: 'principal',
  id: String(id),
  value: { user_id: `user-${id}`, user_type: 'User', role, teams: ['Public'], active },
});

export const gone = (id: number): LedgerFact => ({ kind: 'principal', id: String(id), value: null });

/** Everything a view says about these ids, to compare two views. */
export function contentOf(view: AccessView, ids: readonly number[], kids: readonly string[] = []): unknown {
  return {
    tokens: ids.map((id) => view.tokenState(id)),
    principals: ids.map((id) => view.principal(id)),
    keys: kids.map((kid) => view.keyState(kid)),
    sizes: view.sizes,
  };
}
