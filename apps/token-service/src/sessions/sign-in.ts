import { Inject, Injectable } from '@nestjs/common';
import { bearerChallenge, Problem, type Role, type SignInDto } from '@portcullis/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { type Actor, SYSTEM_ACTOR } from '../audit/actor.js';
import { appendAudit } from '../audit/audit-trail.js';
import type { RequestOrigin } from '../authentication/request-origin.js';
import { Passwords } from './passwords.js';
import { RepetitionFilter } from './repetition-filter.js';
import { Sessions } from './sessions.js';
import { networkOf, SignInLimits } from './sign-in-limits.js';

const ADDRESSES_PER_USER_MAX = 20;

/** The one answer to whoever may not sign in. */
export const INVALID_CREDENTIALS = new Problem(401, 'invalid_credentials', 'The user name or the password is wrong', {
  headers: { 'WWW-Authenticate': bearerChallenge() },
});

/** Someone who may sign in with a password. */
interface Candidate {
  id: number;
  user_id: string;
  role: Role;
  password_hash: string;
  at_home: boolean;
}

/** Signs people in and out. */
@Injectable()
export class SignIn {
  readonly #tooMany = new RepetitionFilter();

  constructor(
    private readonly dataSource: DataSource,
    @Inject(SignInLimits) private readonly limits: SignInLimits,
    private readonly passwords: Passwords,
    private readonly sessions: Sessions,
  ) {}

  /**
   * Checks a password and begins a session. Whoever may not sign in (service users, the inactive, those with an identity provider
   * only) gets the answer of a wrong password, after the same time.
   *
   * @param replaced the secret of the session that the browser has now, which ends
   * @returns the secret for the cookie
   * @throws Problem 401 `invalid_credentials`, 429 `too_many_attempts`, 503 `busy`
   */
  async signIn(
    { user_name, password }: SignInDto,
    origin: RequestOrigin,
    replaced: string | undefined,
  ): Promise<string> {
    const account = user_name.toLowerCase();
    const candidate = await this.#candidate(account, origin);
    const attempt = await this.limits
      .count(account, origin.address, candidate?.at_home ?? false)
      .catch((error: unknown) => this.#refuseAttempt(error, candidate, origin));
    const isRight = await this.passwords.matches(password, candidate?.password_hash);
    if (!candidate || !isRight) {
      await this.#auditRefusal(candidate, origin, 'invalid_credentials');
      throw INVALID_CREDENTIALS;
    }
    await this.limits.forget(attempt);
    return this.dataSource.transaction(async (manager) => {
      await assertUnchanged(manager, candidate);
      if (replaced) await this.sessions.end(manager, replaced);
      await rememberAddress(manager, candidate.id, origin);
      await audit(manager, 'session.started', candidate, origin);
      return this.sessions.begin(manager, candidate.id);
    });
  }

  /** Ends a session; one that has ended already is no fault. */
  async signOut(secret: string, origin: RequestOrigin): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      const userId = await this.sessions.end(manager, secret);
      if (userId === undefined) return;
      const [user] = await manager.query<Candidate[]>('SELECT id, user_id, role FROM users WHERE id = $1', [userId]);
      await audit(manager, 'session.ended', user!, origin);
    });
  }

  /** What was typed as a name is not kept: now and then it is the password. */
  async #auditRefusal(
    candidate: Candidate | undefined,
    { address, requestId }: RequestOrigin,
    reason: 'invalid_credentials' | 'too_many_attempts',
    count = 1,
  ): Promise<void> {
    const nobody: Actor = { ...SYSTEM_ACTOR, credential: 'session', address, requestId };
    const target = `user/${candidate?.id ?? 'unknown'}`;
    await appendAudit(this.dataSource.manager, nobody, [
      { action: 'session.refused', target, after: { reason, count } },
    ]);
  }

  /** Without a limit of its own, this would fill the audit trail at the pace of whoever floods the sign-in. */
  async #refuseAttempt(error: unknown, candidate: Candidate | undefined, origin: RequestOrigin): Promise<never> {
    if (error instanceof Problem && error.status === 429) {
      const count = this.#tooMany.count(`${candidate?.id} ${networkOf(origin.address)}`, performance.now());
      if (count > 0) await this.#auditRefusal(candidate, origin, 'too_many_attempts', count);
    }
    throw error;
  }

  async #candidate(account: string, { address }: RequestOrigin): Promise<Candidate | undefined> {
    const [row] = await this.dataSource.query<Candidate[]>(CANDIDATE_SQL, [account, networkOf(address)]);
    return row;
  }
}

/** A deactivation or a change of the password while this one was being checked: the session would outlive it. */
async function assertUnchanged(manager: EntityManager, { id, password_hash }: Candidate): Promise<void> {
  const rows = await manager.query<unknown[]>(UNCHANGED_SQL, [id, password_hash]);
  if (rows.length === 0) throw INVALID_CREDENTIALS;
}

async function rememberAddress(manager: EntityManager, userId: number, { address }: RequestOrigin): Promise<void> {
  await manager.query(REMEMBER_ADDRESS_SQL, [userId, networkOf(address)]);
  await manager.query(FORGET_OLDEST_ADDRESS_SQL, [userId, ADDRESSES_PER_USER_MAX]);
}

function audit(
  manager: EntityManager,
  action: 'session.started' | 'session.ended',
  { id, user_id, role }: Pick<Candidate, 'id' | 'user_id' | 'role'>,
  { address, requestId }: RequestOrigin,
): Promise<void> {
  const actor: Actor = { userId: id, user_id, userType: 'User', role, credential: 'session', address, requestId };
  return appendAudit(manager, actor, [{ action, target: `user/${id}` }]);
}

const CANDIDATE_SQL = `
  SELECT id, user_id, role, password_hash,
    EXISTS (SELECT FROM sign_in_addresses WHERE user_id = u.id AND address = $2) AS at_home
  FROM users u WHERE user_id = $1 AND user_type = 'User' AND active AND password_hash IS NOT NULL`;
const UNCHANGED_SQL = 'SELECT FROM users WHERE id = $1 AND active AND password_hash = $2 FOR SHARE';
const REMEMBER_ADDRESS_SQL = `
  INSERT INTO sign_in_addresses (user_id, address) VALUES ($1, $2)
  ON CONFLICT (user_id, address) DO UPDATE SET last_at = now()`;
const FORGET_OLDEST_ADDRESS_SQL = `
  DELETE FROM sign_in_addresses WHERE user_id = $1 AND address IN (
    SELECT address FROM sign_in_addresses WHERE user_id = $1 ORDER BY last_at DESC OFFSET $2)`;
