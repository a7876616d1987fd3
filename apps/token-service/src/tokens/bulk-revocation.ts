import { Injectable } from '@nestjs/common';
import {
  BULK_REVOKE_LISTED_MAX,
  type BulkRevokeDto,
  type BulkRevokedTokenDto,
  type BulkRevokeResultDto,
  invalidField,
} from '@portcullis/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { AccessLedger } from '../access/access-ledger.js';
import { AccessOutcome } from '../access/access-outcome.js';
import type { Actor } from '../audit/actor.js';
import { isoSecondsOrNull } from '../database/iso-seconds.js';
import { lockTokens } from './locked-tokens.js';
import { revokeTokens } from './token-changes.js';

interface MatchRow {
  id: number;
  name: string;
  last_used: Date | null;
  last_ip: string | null;
  used_in_last_hour: boolean;
  user: BulkRevokedTokenDto['user'];
}

/** Revokes many tokens at once: one transaction, one range of numbers, one barrier, one receipt. */
@Injectable()
export class BulkRevocation {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: AccessLedger,
  ) {}

  /** Shows what {@link revoke} would do now. @throws Problem 400 for a filter without a condition */
  async preview(filter: BulkRevokeDto): Promise<BulkRevokeResultDto> {
    return { ...resultOf(await findMatches(this.dataSource.manager, filter)), dry_run: true };
  }

  /** @throws Problem 400 for a filter without a condition */
  async revoke(filter: BulkRevokeDto, actor: Actor): Promise<AccessOutcome<BulkRevokeResultDto>> {
    const { result, position } = await this.ledger.change(async (tx) => {
      const matches = await findMatches(tx.manager, filter);
      const locked = await lockTokens(tx.manager, matches.map((match) => match.id)); // prettier-ignore
      // One may have expired or been deleted while its lock was waited for.
      const active = locked.filter((token) => token.status === 'Active');
      revokeTokens(tx, active, 'requested', actor);
      const revoked = new Set(active.map((token) => token.id));
      return matches.filter((match) => revoked.has(match.id));
    });
    return new AccessOutcome(position, 'takes', (receipt) => ({ ...resultOf(result), dry_run: false, receipt }));
  }
}

function resultOf(matches: readonly MatchRow[]): Omit<BulkRevokeResultDto, 'dry_run'> {
  return {
    count: matches.length,
    used_in_last_hour: matches.filter((match) => match.used_in_last_hour).length,
    tokens: matches
      .slice(0, BULK_REVOKE_LISTED_MAX)
      .map((match) => ({ ...match, last_used: isoSecondsOrNull(match.last_used) })),
  };
}

function findMatches(manager: EntityManager, filter: BulkRevokeDto): Promise<MatchRow[]> {
  const { user_id, type, issued_before, unused_since, ids } = filter;
  const values = [user_id, type, issued_before, unused_since, ids].map((value) => value ?? null);
  if (values.every((value) => value === null)) {
    throw invalidField('body', 'must name at least one of user_id, type, issued_before, unused_since, ids');
  }
  return manager.query<MatchRow[]>(MATCHES_SQL, values);
}

const MATCHES_SQL = `
  SELECT t.id, t.name, used.last_used, used.ip AS last_ip,
    coalesce(used.last_used > now() - interval '1 hour', false) AS used_in_last_hour,
    json_build_object('id', u.id, 'user_id', u.user_id, 'name', u.name, 'user_type', u.user_type) AS user
  FROM tokens t JOIN users u ON u.id = t.user_id LEFT JOIN token_last_used used ON used.token_id = t.id
  WHERE t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
    AND ($1::integer IS NULL OR t.user_id = $1)
    AND ($2::text IS NULL OR t.type = $2)
    AND ($3::timestamptz IS NULL OR t.created_at < $3)
    AND ($4::timestamptz IS NULL OR used.last_used IS NULL OR used.last_used < $4)
    AND ($5::bigint[] IS NULL OR t.id = ANY($5))
  ORDER BY used.last_used DESC NULLS LAST, t.id`;
