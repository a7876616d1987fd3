import { Injectable } from '@nestjs/common';
import {
  type KeyValue,
  Problem,
  type RetiredKeyDto,
  type SigningKeyDto,
  type TokenAlgorithm,
} from '@portcullis/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { AccessLedger } from '../access/access-ledger.js';
import { AccessOutcome } from '../access/access-outcome.js';
import type { Actor } from '../audit/actor.js';
import { isoSeconds } from '../database/iso-seconds.js';
import { SigningKeys } from './signing-keys.js';

interface KeyRow {
  kid: string;
  alg: TokenAlgorithm;
  state: KeyValue;
  created_at: Date;
  active_tokens: number;
}

/** Ends keys, and with them every token that they have signed. */
@Injectable()
export class KeyRetirement {
  constructor(
    private readonly dataSource: DataSource,
    private readonly keys: SigningKeys,
    private readonly ledger: AccessLedger,
  ) {}

  async list(): Promise<SigningKeyDto[]> {
    const rows = await this.dataSource.query<KeyRow[]>(KEYS_SQL);
    return rows.map((row) => ({ ...row, created_at: isoSeconds(row.created_at) }));
  }

  /** What {@link retire} would do now. @throws Problem 404, 409 `key_signs` */
  async preview(kid: string): Promise<RetiredKeyDto> {
    const row = await this.#retirable(this.dataSource.manager, kid);
    return { kid, tokens_ended: row.active_tokens, dry_run: true };
  }

  /**
   * From the barrier on no gateway takes a token of this key. The tokens' own rows are marked as revoked after that, in batches
   * (`RetiredKeyTokens`), so that a key of a million tokens ends as fast as one of none.
   *
   * @throws Problem 404, 409 `key_signs`
   */
  async retire(kid: string, actor: Actor): Promise<AccessOutcome<RetiredKeyDto>> {
    const { result: tokensEnded, position } = await this.ledger.change(async (tx) => {
      const { state, active_tokens: activeTokens } = await this.#retirable(tx.manager, kid);
      if (state === 'retired') return 0;
      await this.keys.setState(tx.manager, kid, 'retired');
      tx.record([{ kind: 'key', id: kid, value: 'retired' }]);
      const after = { state: 'retired', tokens_ended: activeTokens };
      tx.audit(actor, [{ action: 'key.retired', target: `key/${kid}`, before: { state }, after }]);
      return activeTokens;
    });
    return new AccessOutcome(position, 'takes', (receipt) => ({
      kid,
      tokens_ended: tokensEnded,
      dry_run: false,
      receipt,
    }));
  }

  async #retirable(manager: EntityManager, kid: string): Promise<KeyRow> {
    const [row] = await manager.query<KeyRow[]>(KEY_SQL, [kid]);
    if (!row) throw new Problem(404, 'key_not_found', 'There is no signing key with this kid');
    if (row.state === 'signing') throw new Problem(409, 'key_signs', 'This key signs new tokens; rotate first');
    return row;
  }
}

const SELECT_SQL = `
  SELECT kid, alg, state, created_at, CASE state WHEN 'retired' THEN 0 ELSE (
    SELECT count(*) FROM tokens t
    WHERE t.kid = k.kid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())) END AS active_tokens
  FROM signing_keys k`;
const KEYS_SQL = `${SELECT_SQL} ORDER BY created_at DESC, kid`;
const KEY_SQL = `${SELECT_SQL} WHERE kid = $1`;
