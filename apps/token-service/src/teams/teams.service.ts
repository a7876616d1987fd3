import { Injectable } from '@nestjs/common';
import {
  type CreateTeamDto,
  type EventUser,
  type Page,
  type PageQuery,
  Problem,
  PUBLIC_TEAM,
  type TeamDto,
} from '@portcullis/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { AccessLedger } from '../access/access-ledger.js';
import { AccessOutcome } from '../access/access-outcome.js';
import { type Actor, eventActor } from '../audit/actor.js';
import { appendAudit } from '../audit/audit-trail.js';
import { violatedConstraint } from '../database/database-errors.js';
import { isoSeconds } from '../database/iso-seconds.js';
import type { NewEvent } from '../events/outbox.js';
import { membersOfTeam, principalEntry } from '../users/principals.js';
import { Team } from './team.entity.js';

interface TeamRow {
  id: number;
  name: string;
  members: number;
  created_at: Date;
}

@Injectable()
export class TeamsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: AccessLedger,
  ) {}

  async page({ page, size }: PageQuery): Promise<Page<TeamDto>> {
    const rows = await this.dataSource.query<TeamRow[]>(`${TEAM_SQL} ORDER BY id LIMIT $1 OFFSET $2`, [
      size,
      (page - 1) * size,
    ]);
    return { items: rows.map(teamDto), total: await this.dataSource.manager.count(Team), page, size };
  }

  /** @throws Problem 404 */
  get(id: number): Promise<TeamDto> {
    return readTeam(this.dataSource.manager, id);
  }

  /** A new team has no members, so it changes nobody's access. @throws Problem 409 `team_name_taken` */
  create({ name }: CreateTeamDto, actor: Actor): Promise<TeamDto> {
    return this.dataSource.transaction(async (manager) => {
      const id = await insertTeam(manager, name, actor);
      await appendAudit(manager, actor, [{ action: 'team.created', target: `team/${id}`, after: { name } }]);
      return readTeam(manager, id);
    });
  }

  /** Deletes a team; all who were in it lose it in one change. @throws Problem 404, 409 `public_team` */
  async delete(id: number, actor: Actor): Promise<AccessOutcome<void>> {
    const { position } = await this.ledger.change(async (tx) => {
      const team = await readTeam(tx.manager, id);
      if (team.name === PUBLIC_TEAM) throw new Problem(409, 'public_team', 'The team Public holds everyone and stays');
      const members = (await membersOfTeam(tx.manager, id)).map((member) => withoutTeam(member, team.name));
      await tx.manager.delete(Team, { id });
      const accessSeq = tx.record(members.map(principalEntry));
      tx.emit(members.map((member) => teamsChanged(member, actor, accessSeq)));
      tx.audit(actor, [{ action: 'team.deleted', target: `team/${id}`, before: { name: team.name } }]);
    });
    return new AccessOutcome(position, 'takes', () => undefined);
  }
}

function withoutTeam(member: EventUser, name: string): EventUser {
  return { ...member, teams: member.teams.filter((team) => team !== name) };
}

function teamsChanged(user: EventUser, actor: Actor, accessSeq: number): NewEvent {
  const data = { user, actor: eventActor(actor), changed: ['teams'] };
  return { type: 'UserUpdated', subject: `user/${user.id}`, accessSeq, data };
}

async function insertTeam(manager: EntityManager, name: string, actor: Actor): Promise<number> {
  try {
    return (await manager.save(manager.create(Team, { name, createdById: actor.userId }))).id;
  } catch (error) {
    if (violatedConstraint(error) !== 'teams_name_taken') throw error;
    throw new Problem(409, 'team_name_taken', `There is a team named ${name} already`, {
      errors: [{ field: 'name', message: 'is taken' }],
    });
  }
}

async function readTeam(manager: EntityManager, id: number): Promise<TeamDto> {
  const [row] = await manager.query<TeamRow[]>(`${TEAM_SQL} WHERE id = $1`, [id]);
  if (!row) throw new Problem(404, 'team_not_found', 'There is no team with this id');
  return teamDto(row);
}

function teamDto({ id, name, members, created_at }: TeamRow): TeamDto {
  return { id, name, members, created_at: isoSeconds(created_at) };
}

const TEAM_SQL = `
  SELECT id, name, created_at, CASE name WHEN '${PUBLIC_TEAM}' THEN (SELECT count(*) FROM users)
    ELSE (SELECT count(*) FROM team_members WHERE team_id = teams.id) END AS members
  FROM teams`;
