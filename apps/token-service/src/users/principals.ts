import { type EventUser, PUBLIC_TEAM } from '@portcullis/contracts';
import type { EntityManager } from 'typeorm';
import type { NewAccessEntry } from '../access/access-transaction.js';
import type { User } from './user.entity.js';

/** The names of the teams that someone is in: `Public` first, the others by name. */
export function teamNames(user: User): string[] {
  return [PUBLIC_TEAM, ...user.teams.map((team) => team.name).toSorted()];
}

/** What gateways need to know of someone. */
export function principalEntry({ id, user_id, user_type, role, teams, active }: EventUser): NewAccessEntry {
  return { kind: 'principal', id: String(id), value: { user_id, user_type, role, teams, active } };
}

/** What events say of someone. */
export function eventUser(user: User): EventUser {
  return {
    id: user.id,
    user_id: user.userId,
    user_type: user.userType,
    name: user.name,
    role: user.role,
    teams: teamNames(user),
    active: user.active,
  };
}

/** Everyone in this team, for a change that touches all of them at once. */
export async function membersOfTeam(manager: EntityManager, teamId: number): Promise<EventUser[]> {
  return manager.query<EventUser[]>(MEMBERS_OF_TEAM_SQL, [teamId]);
}

/** These users by id, locked until the transaction ends. Unknown ids are left out. */
export async function lockPrincipals(manager: EntityManager, ids: readonly number[]): Promise<EventUser[]> {
  await manager.query('SELECT FROM users WHERE id = ANY($1) ORDER BY id FOR UPDATE', [ids]);
  return principalsOf(manager, ids);
}

/** These users by id. Unknown ids are left out. */
export async function principalsOf(manager: EntityManager, ids: readonly number[]): Promise<EventUser[]> {
  return manager.query<EventUser[]>(`${PRINCIPALS_SQL} WHERE u.id = ANY($1) ORDER BY u.id`, [ids]);
}

/** The teams of the user `u`, as an expression: `Public` first, the others by name. */
export const TEAM_NAMES_SQL = `array_prepend('${PUBLIC_TEAM}', ARRAY(
  SELECT team.name FROM team_members member JOIN teams team ON team.id = member.team_id
  WHERE member.user_id = u.id ORDER BY team.name COLLATE "C"))`;

const PRINCIPALS_SQL = `
  SELECT u.id, u.user_id, u.user_type, u.name, u.role, ${TEAM_NAMES_SQL} AS teams, u.active FROM users u`;
const MEMBERS_OF_TEAM_SQL = `${PRINCIPALS_SQL} JOIN team_members m ON m.user_id = u.id
  WHERE m.team_id = $1 ORDER BY u.id`;
