import { timingSafeEqual } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import {
  type Caller,
  Keyring,
  registerBearerStrategy,
  TokenVerifier,
  type VerifiedToken,
} from '@portcullis/access-control';
import { type PrincipalValue, Problem, unauthorized } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { Secrets } from '../keys/secrets.js';
import { SigningKeys } from '../keys/signing-keys.js';
import { tokenHmac } from '../tokens/token-hmac.js';
import { TEAM_NAMES_SQL } from '../users/principals.js';

const VERIFIED_TOKENS_MAX = 10_000;
const KEYS_RELOAD_MS = 1_000;

const UNKNOWN = unauthorized('The token was not issued here or was deleted', 'invalid_token');
const REVOKED = unauthorized('The token has been revoked', 'invalid_token');
const EXPIRED = unauthorized('The token has expired', 'invalid_token');
const INACTIVE = unauthorized('The owner of this token is not active', 'invalid_token');
const KEY_RETIRED = unauthorized('The key that signed this token was retired', 'invalid_token');

interface IssuedTokenRow extends PrincipalValue {
  id: number;
  token_hmac: Buffer;
  scim: boolean;
  revoked: boolean;
  expired: boolean;
  key_state: string;
}

/**
 * Authenticates bearer tokens against Postgres: the signature must be good and the very token must be on record. So nothing but
 * an issued token manages anything, whoever may hold a signing key, and this service is safe when it is reached directly.
 */
@Injectable()
export class IssuedTokenAuthenticator implements OnModuleInit {
  #verifier: TokenVerifier;
  #keysLoadedAt = 0;

  constructor(
    private readonly dataSource: DataSource,
    private readonly secrets: Secrets,
    private readonly signingKeys: SigningKeys,
  ) {}

  async onModuleInit(): Promise<void> {
    this.#verifier = new TokenVerifier(await this.loadKeys(), VERIFIED_TOKENS_MAX);
    registerBearerStrategy((token) => this.authenticate(token));
  }

  /** @returns the caller, or the problem (401) to answer with */
  async authenticate(token: string): Promise<Caller | Problem> {
    const verified = await this.verify(token);
    if (verified instanceof Problem) return verified;
    const [row] = await this.dataSource.query<IssuedTokenRow[]>(ISSUED_TOKEN_SQL, [verified.tokenId, verified.userId]);
    if (!row || !timingSafeEqual(row.token_hmac, tokenHmac(token, this.secrets.tokenHmacKey))) return UNKNOWN;
    return refusalOf(row) ?? { principal: principalOf(row), tokenId: verified.tokenId, scim: row.scim };
  }

  /** Another replica may have made a new key: an unknown one is a reason to look, once a second at most. */
  private async verify(token: string): Promise<VerifiedToken | Problem> {
    const verified = this.#verifier.verify(token, Date.now() / 1000);
    if (!(verified instanceof Problem) || performance.now() - this.#keysLoadedAt < KEYS_RELOAD_MS) return verified;
    this.#verifier.useKeyring(await this.loadKeys());
    return this.#verifier.verify(token, Date.now() / 1000);
  }

  private async loadKeys(): Promise<Keyring> {
    this.#keysLoadedAt = performance.now();
    return Keyring.from(await this.signingKeys.verificationKeys());
  }
}

function refusalOf(row: IssuedTokenRow): Problem | undefined {
  if (row.revoked) return REVOKED;
  if (row.expired) return EXPIRED;
  if (row.key_state === 'retired') return KEY_RETIRED;
  return row.active ? undefined : INACTIVE;
}

function principalOf({ id, user_id, user_type, role, teams, active }: IssuedTokenRow): Caller['principal'] {
  return { id, user_id, user_type, role, teams, active };
}

const ISSUED_TOKEN_SQL = `
  SELECT u.id, u.user_id, u.user_type, u.role, u.active, ${TEAM_NAMES_SQL} AS teams,
    t.token_hmac, t.scim, t.revoked_at IS NOT NULL AS revoked, coalesce(t.expires_at <= now(), false) AS expired,
    (SELECT state FROM signing_keys WHERE kid = t.kid) AS key_state
  FROM tokens t JOIN users u ON u.id = t.user_id
  WHERE t.id = $1 AND t.user_id = $2`;
