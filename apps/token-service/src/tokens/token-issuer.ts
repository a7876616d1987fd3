import { Inject, Injectable } from '@nestjs/common';
import {
  type CreatedTokenDto,
  type CreateTokenDto,
  insufficientScope,
  invalidField,
  Problem,
  type TokenType,
  unauthorized,
} from '@portcullis/contracts';
import { makeJti } from '@portcullis/access-control';
import { inSpan } from '@portcullis/telemetry';
import { DataSource, type EntityManager } from 'typeorm';
import { type Actor, eventActor } from '../audit/actor.js';
import { auditInsert } from '../audit/audit-trail.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { violatedConstraint } from '../database/database-errors.js';
import { writeAll } from '../database/write.js';
import { prepared } from '../database/prepared.js';
import { eventTokenOf } from '../events/event-token.js';
import { OutboxRelay } from '../events/outbox-relay.js';
import { outboxInsert } from '../events/outbox.js';
import { Secrets } from '../keys/secrets.js';
import { SigningKeys } from '../keys/signing-keys.js';
import { READ_TOKEN_SQL } from './locked-tokens.js';
import { tokenHmac } from './token-hmac.js';
import { tokenDto, type TokenRow } from './token-row.js';

const HINT_LENGTH = 4;
const DAY_SECONDS = 86_400;

/** Who a token is for, with the number and the time it gets. */
interface TokenSlot {
  owner_id: number;
  owner_type: 'User' | 'Service';
  active: boolean;
  token_id: number;
  /** Seconds since 1970, by the database's clock. */
  issued_at: number;
}

/** Makes tokens. A new token changes no access entry: a token that no entry speaks against is simply active. */
@Injectable()
export class TokenIssuer {
  constructor(
    private readonly dataSource: DataSource,
    private readonly signingKeys: SigningKeys,
    private readonly secrets: Secrets,
    private readonly relay: OutboxRelay,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /**
   * @returns the token with its `bearer_token`, here and never again
   * @throws Problem 400 naming the field, 403 when the actor may not, 409 `token_name_taken`
   */
  async issue(dto: CreateTokenDto, actor: Actor): Promise<CreatedTokenDto> {
    this.checkLifetime(dto);
    checkActor(dto, actor);
    const issued = await inSpan('token issue transaction', { 'db.system.name': 'postgresql' }, () =>
      this.dataSource.transaction((manager) => this.issueIn(manager, dto, actor)),
    );
    this.relay.nudge();
    return issued;
  }

  /** For a transaction of one's own: the first start makes the first Admin's token in one with the user. */
  async issueIn(manager: EntityManager, dto: CreateTokenDto, actor: Actor, ownerId?: number): Promise<CreatedTokenDto> {
    const slot = await reserveSlot(manager, dto.user_id ?? ownerId ?? actor.userId!);
    checkOwner(dto, slot, actor);
    await lockParent(manager, actor);
    const bearerToken = await this.signAndStore(manager, dto, slot, actor);
    const [row] = await prepared<TokenRow>(manager, READ_TOKEN_SQL, [slot.token_id]);
    await this.recordIssued(manager, row!, actor);
    return { ...tokenDto(row!), bearer_token: bearerToken };
  }

  private checkLifetime({ expires_in_days: days }: CreateTokenDto): void {
    const max = this.config.maxTokenDays;
    if (max === undefined || (days !== null && days <= max)) return;
    const message = `must be ${max} at most here${days === null ? '; Never is not allowed' : ''}`;
    throw invalidField('expires_in_days', message, 'token_lifetime_too_long');
  }

  private async signAndStore(
    manager: EntityManager,
    dto: CreateTokenDto,
    slot: TokenSlot,
    actor: Actor,
  ): Promise<string> {
    const signer = await this.signingKeys.currentSigner(manager);
    const expiresAt = dto.expires_in_days === null ? null : slot.issued_at + dto.expires_in_days * DAY_SECONDS;
    const token = signer.sign({
      iss: this.config.issuer,
      sub: String(slot.owner_id),
      jti: makeJti(slot.token_id, this.secrets.tokenIdMacKey),
      iat: slot.issued_at,
      ...(expiresAt !== null && { exp: expiresAt }),
      ...(dto.scim && { scope: 'scim' }),
    });
    await insertToken(manager, [
      slot.token_id,
      slot.owner_id,
      dto.name,
      tokenType(slot),
      dto.scim ?? false,
      signer.kid,
      tokenHmac(token, this.secrets.tokenHmacKey),
      token.slice(-HINT_LENGTH),
      typeof actor.credential === 'number' ? actor.credential : null,
      slot.issued_at,
      actor.userId ?? slot.owner_id,
      expiresAt,
    ]);
    return token;
  }

  private async recordIssued(manager: EntityManager, row: TokenRow, actor: Actor): Promise<void> {
    const token = eventTokenOf(row);
    const data = { token, actor: eventActor(actor) };
    const subject = `token/${row.id}`;
    await writeAll(manager, [
      outboxInsert([{ type: 'TokenIssued', subject, data }]),
      auditInsert([{ actor, record: { action: 'token.issued', target: subject, after: token } }]),
    ]);
  }
}

/** What can be said before the database is asked. */
function checkActor(dto: CreateTokenDto, actor: Actor): void {
  if (actor.role === 'Admin') return;
  if (dto.user_id !== undefined) throw insufficientScope('Making a token for a service user needs the role Admin');
  if (dto.scim) throw insufficientScope('Making a SCIM administration token needs the role Admin');
  if (actor.userType === 'Service') throw insufficientScope('A service user needs the role Admin to make tokens');
  if (typeof actor.credential === 'number') {
    throw insufficientScope(
      'A token may not make further tokens unless its owner is Admin; sign in instead',
      'session_required',
    );
  }
}

function checkOwner(dto: CreateTokenDto, slot: TokenSlot, actor: Actor): void {
  if (dto.user_id !== undefined && slot.owner_type !== 'Service') {
    throw invalidField('user_id', 'must be a service user; people make their own tokens', 'not_a_service_user');
  }
  if (slot.active) return;
  if (slot.owner_id === actor.userId) throw unauthorized('The owner of this token is not active', 'invalid_token');
  throw new Problem(409, 'user_inactive', 'This service user is not active', {
    errors: [{ field: 'user_id', message: 'is not active' }],
  });
}

/** Locks the owner against being changed, and takes a number for the token. */
async function reserveSlot(manager: EntityManager, ownerId: number): Promise<TokenSlot> {
  const [slot] = await prepared<TokenSlot>(manager, RESERVE_SQL, [ownerId]);
  if (!slot) throw invalidField('user_id', 'there is no user with this id', 'user_not_found');
  return slot;
}

/** A token made with a token: the parent must still be good now, so that none slips past a revoke that takes children along. */
async function lockParent(manager: EntityManager, { credential }: Actor): Promise<void> {
  if (typeof credential !== 'number') return;
  const [parent] = await prepared<{ status: string }>(manager, LOCK_PARENT_SQL, [credential]);
  if (parent?.status !== 'Active') throw unauthorized('The token has been revoked', 'invalid_token');
}

const tokenType = (slot: TokenSlot): TokenType => (slot.owner_type === 'Service' ? 'Service' : 'Personal');

async function insertToken(manager: EntityManager, values: unknown[]): Promise<void> {
  try {
    await prepared(manager, INSERT_SQL, values);
  } catch (error) {
    if (violatedConstraint(error) !== 'tokens_name_taken') throw error;
    throw new Problem(409, 'token_name_taken', 'This user has a token of this name already', {
      errors: [{ field: 'name', message: 'is taken' }],
    });
  }
}

const RESERVE_SQL = `
  SELECT id AS owner_id, user_type AS owner_type, active, nextval(pg_get_serial_sequence('tokens', 'id')) AS token_id,
    floor(extract(epoch FROM now()))::bigint AS issued_at
  FROM users WHERE id = $1 FOR SHARE`;
const LOCK_PARENT_SQL = `
  SELECT CASE WHEN revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) THEN 'Active' END AS status
  FROM tokens WHERE id = $1 FOR SHARE`;
const INSERT_SQL = `
  INSERT INTO tokens (id, user_id, name, type, scim, kid, token_hmac, hint, parent_token_id, created_at, created_by_id, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, to_timestamp($10), $11, to_timestamp($12))`;
