import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type Caller, TOKEN_REFUSALS } from '@portcullis/access-control';
import { type IntrospectResponse, type PrincipalValue, type Problem, unauthorized } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { prepared } from '../database/prepared.js';
import { Secrets } from '../keys/secrets.js';
import { tokenHmac } from '../tokens/token-hmac.js';
import { TEAM_NAMES_SQL } from '../users/principals.js';

const UNKNOWN = unauthorized('The token was not issued here or was deleted', 'invalid_token');
const KEY_RETIRED = unauthorized('The key that signed this token was retired', 'invalid_token');

interface IssuedTokenRow extends PrincipalValue {
  id: number;
  token_hmac: Buffer;
  scim: boolean;
  revoked: boolean;
  expired: boolean;
  key_state: string;
}

/** What Postgres has on record of tokens, and whether they open anything at this moment. */
@Injectable()
export class IssuedTokens {
  constructor(
    private readonly dataSource: DataSource,
    private readonly secrets: Secrets,
  ) {}

  /**
   * @param token as it was sent; its claims must have been verified
   * @returns the caller, or the problem (401) to answer with: also when a token of this id exists and is another one
   */
  async authenticate(token: string, tokenId: number, userId: number): Promise<Caller | Problem> {
    const row = await this.read(tokenId, userId);
    if (!row || !timingSafeEqual(row.token_hmac, tokenHmac(token, this.secrets.tokenHmacKey))) return UNKNOWN;
    return refusalOf(row) ?? { principal: { id: row.id, ...principalOf(row) }, tokenId, scim: row.scim };
  }

  /** For a gateway whose lease is over, which has verified the token itself. */
  async introspect(tokenId: number, userId: number): Promise<IntrospectResponse> {
    const row = await this.read(tokenId, userId);
    const refusal = row ? refusalOf(row) : UNKNOWN;
    return refusal ? { active: false, detail: refusal.detail } : { active: true, principal: principalOf(row!) };
  }

  private async read(tokenId: number, userId: number): Promise<IssuedTokenRow | undefined> {
    const [row] = await prepared<IssuedTokenRow>(this.dataSource, ISSUED_TOKEN_SQL, [tokenId, userId]);
    return row;
  }
}

function refusalOf(row: IssuedTokenRow): Problem | undefined {
  if (row.revoked) return TOKEN_REFUSALS.revoked;
  if (row.expired) return TOKEN_REFUSALS.expired;
  if (row.key_state === 'retired') return KEY_RETIRED;
  return row.active ? undefined : TOKEN_REFUSALS.user_inactive;
}

function principalOf({ user_id, user_type, role, teams, active }: IssuedTokenRow): PrincipalValue {
  return { user_id, user_type, role, teams, active };
}

const ISSUED_TOKEN_SQL = `
  SELECT u.id, u.user_id, u.user_type, u.role, u.active, ${TEAM_NAMES_SQL} AS teams,
    t.token_hmac, t.scim, t.revoked_at IS NOT NULL AS revoked, coalesce(t.expires_at <= now(), false) AS expired,
    (SELECT state FROM signing_keys WHERE kid = t.kid) AS key_state
  FROM tokens t JOIN users u ON u.id = t.user_id
  WHERE t.id = $1 AND t.user_id = $2`;
