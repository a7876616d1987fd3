import { type EventUser, type Role, ROLES } from '@portcullis/contracts';
import type { EntityManager } from 'typeorm';
import { assertNotLastAdmin } from '../../users/last-admin.js';

/** By the name of a group in lower case: the role that its members have (PORTCULLIS_SCIM_ROLE_GROUPS). */
export type RoleGroups = ReadonlyMap<string, Role>;

export function givesRole(roleGroups: RoleGroups, ...names: readonly (string | undefined)[]): boolean {
  return names.some((name) => name !== undefined && roleGroups.has(name.toLowerCase()));
}

/**
 * Gives people the highest role that their groups name, or Member when none does. To be called for people whose membership in a
 * group that names a role has changed: a role that was given otherwise stays until then.
 *
 * @param people as they are after the change, but for their role
 * @returns them with their role
 * @throws Problem 409 `last_admin`
 */
export async function assignRoles(
  manager: EntityManager,
  people: readonly EventUser[],
  roleGroups: RoleGroups,
): Promise<EventUser[]> {
  const assigned = people.map((person) => ({ ...person, role: roleOf(person, roleGroups) }));
  const changed = assigned.filter(({ role }, i) => role !== people[i]!.role);
  const wereAdmins = new Set(people.filter(({ role }) => role === 'Admin').map(({ id }) => id));
  // Whoever becomes an Admin does so before another one leaves.
  const others = changed.filter(({ id }) => !wereAdmins.has(id));
  await manager.query(ASSIGN_SQL, [others.map(({ id }) => id), others.map(({ role }) => role)]);
  // One after the other: of two Admins that leave at once, the second may be the last.
  for (const { id, role } of changed.filter((person) => wereAdmins.has(person.id))) {
    await assertNotLastAdmin(manager, { id });
    await manager.query('UPDATE users SET role = $2 WHERE id = $1', [id, role]);
  }
  return assigned;
}

function roleOf({ teams }: EventUser, roleGroups: RoleGroups): Role {
  const ranks = teams.map((team) => ROLES.indexOf(roleGroups.get(team.toLowerCase()) ?? 'Member'));
  return ROLES[Math.max(0, ...ranks)]!;
}

const ASSIGN_SQL = `
  UPDATE users u SET role = given.role
  FROM unnest($1::integer[], $2::text[]) AS given (id, role) WHERE u.id = given.id AND u.role <> given.role`;
