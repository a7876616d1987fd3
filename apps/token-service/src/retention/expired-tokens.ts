import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AccessLedger } from '../access/access-ledger.js';
import { SYSTEM_ACTOR } from '../audit/actor.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { lockTokens } from '../tokens/locked-tokens.js';
import { deleteTokens } from '../tokens/token-changes.js';
import type { Batches } from './batches.js';

/** As many as fit into one message to the gateways; each batch holds the clock that every change of access waits for. */
const BATCH_TOKENS_MAX = 50;

/**
 * Deletes tokens whose time passed long ago, revoked ones among them: nothing can be done with those any more. What is written of
 * it is what somebody's delete leaves behind: ledger entry, `TokenDeleted` and audit record.
 */
@Injectable()
export class ExpiredTokens {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: AccessLedger,
    @Inject(CONFIG) private readonly config: Pick<TokenServiceConfig, 'expiredTokenDays'>,
  ) {}

  /** @returns how many were deleted */
  async purge(batches: Batches): Promise<number> {
    const { expiredTokenDays: days } = this.config;
    if (days === undefined) return 0;
    return batches.run(BATCH_TOKENS_MAX, () => this.#batch(days));
  }

  async #batch(days: number): Promise<number> {
    const rows = await this.dataSource.query<{ id: number }[]>(PAST_SQL, [days, BATCH_TOKENS_MAX]);
    if (rows.length === 0) return 0;
    const { result } = await this.ledger.changeLocked(
      (manager) => lockTokens(manager, rows.map(({ id }) => id)), // prettier-ignore
      async (tx, tokens) => {
        const past = tokens.filter((token) => token.expired);
        await deleteTokens(tx, past, SYSTEM_ACTOR);
        return past.length;
      },
    );
    return result;
  }
}

// One that has expired is said to have (`TokenExpired`) before it is deleted, also after a long time in which nothing ran.
const PAST_SQL = `
  SELECT id FROM tokens
  WHERE expires_at < now() - make_interval(days => $1) AND (expired_event_at IS NOT NULL OR revoked_at IS NOT NULL)
  ORDER BY expires_at LIMIT $2`;
