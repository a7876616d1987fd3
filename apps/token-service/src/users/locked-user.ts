import { Problem } from '@portcullis/contracts';
import type { EntityManager } from 'typeorm';
import { User } from './user.entity.js';

/** The user with their teams, locked until the transaction ends. @throws Problem 404 */
export async function lockUser(manager: EntityManager, id: number): Promise<User> {
  const locked = await manager.query<unknown[]>('SELECT FROM users WHERE id = $1 FOR UPDATE', [id]);
  if (locked.length === 0) userNotFound();
  return (await manager.findOne(User, { where: { id }, relations: { teams: true } }))!;
}

export function userNotFound(): never {
  throw new Problem(404, 'user_not_found', 'There is no user with this id');
}
