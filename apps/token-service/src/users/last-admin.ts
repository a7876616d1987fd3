import { Problem } from '@portcullis/contracts';
import type { EntityManager } from 'typeorm';
import type { User } from './user.entity.js';

/**
 * Refuses to take away the last one who could still sign in and administer: an active person with the role Admin and a password.
 * Call it in an access change: the clock row makes two requests take turns, so that they can't each leave the other as the last.
 *
 * @throws Problem 409 `last_admin`
 */
export async function assertNotLastAdmin(manager: EntityManager, user: Pick<User, 'id'>): Promise<void> {
  const rows = await manager.query<{ is_last: boolean }[]>(IS_LAST_ADMIN_SQL, [user.id]);
  if (!rows[0]!.is_last) return;
  throw new Problem(409, 'last_admin', 'This is the last active Admin who can sign in; make another one first');
}

const CAN_ADMINISTER = `user_type = 'User' AND role = 'Admin' AND active AND password_hash IS NOT NULL`;
const IS_LAST_ADMIN_SQL = `
  SELECT EXISTS (SELECT FROM users WHERE id = $1 AND ${CAN_ADMINISTER})
    AND NOT EXISTS (SELECT FROM users WHERE id <> $1 AND ${CAN_ADMINISTER}) AS is_last`;
