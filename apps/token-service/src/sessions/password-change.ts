import { Injectable } from '@nestjs/common';
import { type ChangePasswordDto, insufficientScope, invalidField, Problem, type UserType } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { AccessLedger } from '../access/access-ledger.js';
import type { Actor } from '../audit/actor.js';
import { assertNotLastAdmin } from '../users/last-admin.js';
import { Passwords } from './passwords.js';
import { Sessions } from './sessions.js';
import { SignInLimits } from './sign-in-limits.js';

interface PasswordRow {
  user_id: string;
  user_type: UserType;
  password_hash: string | null;
}

const NOT_FOUND = new Problem(404, 'user_not_found', 'There is no user with this id');
const WRONG = invalidField('current_password', 'is wrong', 'wrong_password');

/** Changes passwords: one's own with the old one, another person's as an Admin. */
@Injectable()
export class PasswordChange {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: AccessLedger,
    private readonly limits: SignInLimits,
    private readonly passwords: Passwords,
    private readonly sessions: Sessions,
  ) {}

  /**
   * @param sessionId the session that asks for it, which stays; all others of this user end
   * @throws Problem 400 naming the field, 403 for another's password without the role Admin, 404, 409 `service_user` or
   *   `last_admin`, 429 `too_many_attempts`
   */
  async change(id: number, dto: ChangePasswordDto, actor: Actor, sessionId: number | undefined): Promise<void> {
    const isOwn = actor.userId === id;
    if (!isOwn && actor.role !== 'Admin') throw insufficientScope("Another person's password needs the role Admin");
    checkFields(dto, isOwn);
    const before = await this.#read(id);
    if (isOwn) await this.#checkCurrent(before, dto.current_password!, actor);
    const hash = dto.password === null ? null : await this.passwords.hash(dto.password);
    await this.ledger.change(async (tx) => {
      // The clock row is held: two Admins can't take each other's password at once.
      if (hash === null) await assertNotLastAdmin(tx.manager, { id });
      const [rows] = await tx.manager.query<[unknown[], number]>(CHANGE_SQL, [id, hash, before.password_hash]);
      if (rows.length === 0) throw new Problem(409, 'password_changed', 'The password was changed meanwhile');
      await this.sessions.endOthers(tx.manager, id, isOwn ? sessionId : undefined);
      const action = hash === null ? 'user.password_removed' : 'user.password_changed';
      tx.audit(actor, [{ action, target: `user/${id}` }]);
    });
  }

  async #read(id: number): Promise<PasswordRow> {
    const [row] = await this.dataSource.query<PasswordRow[]>(READ_SQL, [id]);
    if (!row) throw NOT_FOUND;
    if (row.user_type === 'Service') throw new Problem(409, 'service_user', "Service users can't have a password");
    return row;
  }

  /** Someone at an unlocked screen gets no more tries than someone at the sign-in page. */
  async #checkCurrent({ user_id, password_hash }: PasswordRow, password: string, { address }: Actor): Promise<void> {
    const attempt = await this.limits.count(user_id, address ?? '', true);
    if (!(await this.passwords.matches(password, password_hash))) throw WRONG;
    await this.limits.forget(attempt);
  }
}

function checkFields({ password, current_password: current }: ChangePasswordDto, isOwn: boolean): void {
  if (!isOwn && current !== undefined) throw invalidField('current_password', "is for one's own password");
  if (!isOwn) return;
  if (password === null) throw invalidField('password', "can't be null for oneself; another Admin can do that");
  if (current === undefined) throw invalidField('current_password', 'is required');
}

const READ_SQL = 'SELECT user_id, user_type, password_hash FROM users WHERE id = $1';
const CHANGE_SQL = `
  UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash IS NOT DISTINCT FROM $3::text RETURNING id`;
