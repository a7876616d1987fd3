import {
  type AccessEntry,
  type KeyValue,
  type PrincipalValue,
  type TokenRange,
  tokenRangeOf,
  type TokenValue,
} from '@portcullis/contracts';
import type { Principal } from '@portcullis/access-control';

type WithoutSeq<Entry> = Entry extends AccessEntry ? Omit<Entry, 'seq'> : never;

/** The latest word about a token, a principal or a key, without its number. */
export type LedgerFact = WithoutSeq<AccessEntry>;

/** Distinct team lists that are shared; beyond it the table starts anew, and sharing is only less good. */
const TEAM_LISTS_MAX = 10_000;

/**
 * Who may enter, at one number of the access ledger. Kept lean: a million tokens and a hundred thousand principals are usual,
 * so tokens are bare numbers in two sets, and equal team lists are one array.
 */
export class AccessView {
  readonly #revoked = new Set<number>();
  readonly #deleted = new Set<number>();
  /** Few: each restore of Postgres adds one. */
  readonly #void: TokenRange[] = [];
  readonly #principals = new Map<number, Principal>();
  readonly #keys = new Map<string, KeyValue>();
  readonly #teamLists = new Map<string, string[]>();
  #appliedSeq: number;

  /** @param appliedSeq the number that the facts to come with {@link put} are true at */
  constructor(
    readonly epoch: string,
    appliedSeq: number,
  ) {
    this.#appliedSeq = appliedSeq;
  }

  /** Every fact of the ledger up to this number is in the view. */
  get appliedSeq(): number {
    return this.#appliedSeq;
  }

  /** undefined: nothing speaks against the token. */
  tokenState(tokenId: number): 'revoked' | 'deleted' | undefined {
    if (this.#revoked.has(tokenId)) return 'revoked';
    return this.#deleted.has(tokenId) || (this.#void.length > 0 && this.#isVoid(tokenId)) ? 'deleted' : undefined;
  }

  principal(id: number): Principal | undefined {
    return this.#principals.get(id);
  }

  keyState(kid: string): KeyValue | undefined {
    return this.#keys.get(kid);
  }

  get sizes(): { tokens: number; principals: number; keys: number; voidRanges: number } {
    return {
      tokens: this.#revoked.size + this.#deleted.size,
      principals: this.#principals.size,
      keys: this.#keys.size,
      voidRanges: this.#void.length,
    };
  }

  /** Puts in a fact of a snapshot. */
  put(fact: LedgerFact): void {
    switch (fact.kind) {
      case 'token':
        return this.putToken(Number(fact.id), fact.value);
      case 'principal':
        return this.#putPrincipal(Number(fact.id), fact.value);
      case 'key':
        this.#keys.set(fact.id, fact.value);
        return;
      case 'void_tokens':
        this.#putVoid(tokenRangeOf(fact.id)!);
    }
  }

  /**
   * Moves the view on to `seq`.
   *
   * @param entries everything that the ledger holds between some number at or below `appliedSeq` and `seq`, in any order.
   * Older ones are passed over: the view has seen something newer than them.
   * @returns the entries that were new, in order
   */
  advance(entries: readonly AccessEntry[], seq: number): AccessEntry[] {
    if (seq <= this.#appliedSeq) return [];
    const fresh = entries.filter((entry) => entry.seq > this.#appliedSeq).toSorted((a, b) => a.seq - b.seq);
    for (const entry of fresh) this.put(entry);
    this.#appliedSeq = seq;
    return fresh;
  }

  /** {@link put} for a token. */
  putToken(id: number, value: TokenValue): void {
    this.#revoked.delete(id);
    this.#deleted.delete(id);
    if (value === 'revoked') this.#revoked.add(id);
    else if (value === 'deleted') this.#deleted.add(id);
  }

  #isVoid(tokenId: number): boolean {
    return this.#void.some(({ from, to }) => from <= tokenId && tokenId <= to);
  }

  #putVoid({ from, to }: TokenRange): void {
    if (!this.#void.some((known) => known.from === from && known.to === to)) this.#void.push({ from, to });
  }

  #putPrincipal(id: number, value: PrincipalValue | null): void {
    if (value === null) {
      this.#principals.delete(id);
      return;
    }
    const { user_id, user_type, role, active } = value;
    this.#principals.set(id, { id, user_id, user_type, role, teams: this.#shared(value.teams), active });
  }

  #shared(teams: string[]): string[] {
    const key = JSON.stringify(teams);
    const known = this.#teamLists.get(key);
    if (known) return known;
    if (this.#teamLists.size >= TEAM_LISTS_MAX) this.#teamLists.clear();
    const list = Object.freeze([...teams]) as string[];
    this.#teamLists.set(key, list);
    return list;
  }
}
