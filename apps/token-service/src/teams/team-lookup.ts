import { invalidField, PUBLIC_TEAM } from '@portcullis/contracts';
import { type EntityManager, In } from 'typeorm';
import { Team } from './team.entity.js';

/**
 * The teams of these names. `Public` may be named, and is left out: everyone is in it.
 * @throws Problem 400 that names the unknown ones
 */
export async function teamsByName(manager: EntityManager, names: readonly string[]): Promise<Team[]> {
  const wanted = names.filter((name) => name !== PUBLIC_TEAM);
  if (wanted.length === 0) return [];
  const teams = await manager.find(Team, { where: { name: In(wanted) }, lock: { mode: 'pessimistic_read' } });
  const unknown = wanted.filter((name) => !teams.some((team) => team.name === name));
  if (unknown.length > 0) throw invalidField('teams', `there is no team named ${unknown.join(', ')}`, 'unknown_team');
  return teams;
}
