import { Injectable } from '@nestjs/common';
import {
  insufficientScope,
  invalidField,
  Problem,
  type TokenDto,
  type UpdatedTokenDto,
  type UpdateTokenDto,
} from '@portcullis/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { AccessLedger } from '../access/access-ledger.js';
import type { AccessTransaction } from '../access/access-transaction.js';
import { AccessOutcome } from '../access/access-outcome.js';
import type { Actor } from '../audit/actor.js';
import { lockDescendants, type LockedToken, lockToken, READ_TOKEN_SQL } from './locked-tokens.js';
import { confirmRevoked, deleteTokens, restoreToken, revokeTokens } from './token-changes.js';
import { tokenDto, type TokenRow } from './token-row.js';

/**
 * The state machine of a token; nothing else is legal:
 * `Active ─revoke▶ Revoked ─restore▶ Active`, `Revoked ─delete▶ gone`, `Active ─time▶ Expired ─delete▶ gone`.
 */
@Injectable()
export class TokensService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: AccessLedger,
  ) {}

  /** @throws Problem 404, also for a token of someone else */
  async get(id: number, actor: Actor): Promise<TokenDto> {
    const [row] = await this.dataSource.query<TokenRow[]>(READ_TOKEN_SQL, [id]);
    return tokenDto(visibleTo(actor, row));
  }

  /** Revokes or restores. @throws Problem 404, 403 `revoked_by_admin`, 409 `token_expired` or `key_retired` */
  async update(id: number, dto: UpdateTokenDto, actor: Actor): Promise<AccessOutcome<UpdatedTokenDto>> {
    if (dto.cascade && !dto.revoke) throw invalidField('cascade', 'goes with "revoke": true');
    const lock = (manager: EntityManager): Promise<LockedToken> => lockVisible(manager, id, actor);
    const { result, position } = await this.ledger.changeLocked(lock, async (tx, token) =>
      dto.revoke ? this.revoke(tx, token, dto.cascade ?? false, actor) : this.restore(tx, token, actor),
    );
    return new AccessOutcome(position, dto.revoke ? 'takes' : 'gives', (receipt) => ({ ...result, receipt }));
  }

  /** @throws Problem 404, 409 `token_active` */
  async delete(id: number, actor: Actor): Promise<AccessOutcome<void>> {
    const lock = (manager: EntityManager): Promise<LockedToken> => lockVisible(manager, id, actor);
    const { position } = await this.ledger.changeLocked(lock, async (tx, token) => {
      if (token.status === 'Active')
        throw new Problem(409, 'token_active', 'An active token must be revoked before it is deleted');
      await deleteTokens(tx, [token], actor);
    });
    return new AccessOutcome(position, 'takes', () => undefined);
  }

  /** Revoking twice gives the same answer and one event. */
  private async revoke(
    tx: AccessTransaction,
    token: LockedToken,
    cascade: boolean,
    actor: Actor,
  ): Promise<TokenDto & { children: number }> {
    if (token.status === 'Expired') throw expired('it opens nothing any more');
    if (token.status === 'Active') revokeTokens(tx, [token], 'requested', actor);
    else confirmRevoked(tx, token, actor);
    const children = cascade ? await revokeDescendants(tx, token, actor) : token.active_descendants;
    return { ...tokenDto({ ...token, status: 'Revoked' }), children };
  }

  private async restore(tx: AccessTransaction, token: TokenRow, actor: Actor): Promise<TokenDto> {
    if (token.expired) throw expired('restoring it would change nothing');
    if (token.status === 'Revoked') {
      if (token.revoked_by_admin && actor.role !== 'Admin') throw revokedByAdmin();
      await assertKeyLives(tx.manager, token);
      restoreToken(tx, token, actor);
    }
    return tokenDto({ ...token, status: 'Active' });
  }
}

/** Of those that are the actor's to revoke: who was an Admin once made tokens for others too. @returns how many it revoked */
async function revokeDescendants(tx: AccessTransaction, token: TokenRow, actor: Actor): Promise<number> {
  const descendants = await lockDescendants(tx.manager, token.id);
  const children = descendants.filter((child) => child.status === 'Active' && isVisibleTo(actor, child));
  revokeTokens(tx, children, 'cascade', actor);
  return children.length;
}

async function lockVisible(manager: EntityManager, id: number, actor: Actor): Promise<LockedToken> {
  return visibleTo(actor, await lockToken(manager, id));
}

/** A token of someone else looks like one that doesn't exist, except to an Admin. */
function visibleTo<Row extends TokenRow>(actor: Actor, row: Row | undefined): Row {
  if (row && isVisibleTo(actor, row)) return row;
  throw new Problem(404, 'token_not_found', 'There is no token with this id');
}

function isVisibleTo(actor: Actor, row: TokenRow): boolean {
  return actor.role === 'Admin' || row.owner_id === actor.userId;
}

async function assertKeyLives(manager: EntityManager, { id }: TokenRow): Promise<void> {
  const rows = await manager.query<unknown[]>(KEY_RETIRED_SQL, [id]);
  if (rows.length === 0) return;
  throw new Problem(409, 'key_retired', 'The key that signed this token was retired: it can never open anything again');
}

const KEY_RETIRED_SQL = `
  SELECT FROM tokens t JOIN signing_keys k ON k.kid = t.kid WHERE t.id = $1 AND k.state = 'retired'`;

function expired(consequence: string): Problem {
  return new Problem(409, 'token_expired', `The token's time has passed: ${consequence}`);
}

function revokedByAdmin(): Problem {
  return insufficientScope('An Admin revoked this token, so only an Admin restores it', 'revoked_by_admin');
}
