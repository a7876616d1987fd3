import { Inject, Injectable } from '@nestjs/common';
import {
  type CreateUserDto,
  type EventUser,
  Problem,
  roleIncludes,
  type UpdateUserDto,
  type UserDto,
} from '@portcullis/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { AccessLedger } from '../access/access-ledger.js';
import type { AccessTransaction } from '../access/access-transaction.js';
import { AccessOutcome } from '../access/access-outcome.js';
import type { AccessEffect } from '../access/revocation-barrier.js';
import { type Actor, eventActor } from '../audit/actor.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { violatedConstraint } from '../database/database-errors.js';
import type { NewEvent } from '../events/outbox.js';
import { teamsByName } from '../teams/team-lookup.js';
import { deleteAllTokensOf } from '../tokens/user-tokens-deletion.js';
import { assertNotLastAdmin } from './last-admin.js';
import { eventUser, principalEntry } from './principals.js';
import { personUserId, serviceUserId } from './user-ids.js';
import { userDto } from './user-views.js';
import { User } from './user.entity.js';

/** Makes and changes users. All of it changes who may enter, so all of it goes through the access ledger. */
@Injectable()
export class UsersService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: AccessLedger,
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
  ) {}

  /** @throws Problem 404 */
  async get(id: number): Promise<User> {
    const user = await this.dataSource.manager.findOne(User, { where: { id }, relations: { teams: true } });
    return user ?? notFound();
  }

  /** @throws Problem 400 for an unknown team, 409 `user_id_taken` */
  async create(dto: CreateUserDto, actor: Actor, passwordHash: string | null = null): Promise<AccessOutcome<UserDto>> {
    const named = dto.user_type === 'User' ? person(dto) : this.serviceUser(dto);
    const { result, position } = await this.ledger.change(async (tx) => {
      const user = tx.manager.create(User, {
        ...named,
        name: dto.name,
        role: dto.role,
        passwordHash,
        createdById: actor.userId,
        teams: await teamsByName(tx.manager, dto.teams ?? []),
      });
      const { id } = await insertUser(tx.manager, user);
      return this.created(tx, await lockUser(tx.manager, id), actor);
    });
    return new AccessOutcome(position, 'gives', () => userDto(result));
  }

  /** @throws Problem 404, 400 for an unknown team, 409 `last_admin` */
  async update(id: number, dto: UpdateUserDto, actor: Actor): Promise<AccessOutcome<UserDto>> {
    const { result, position } = await this.ledger.change(async (tx) => {
      const user = await lockUser(tx.manager, id);
      const before = eventUser(user);
      const teams = dto.teams && (await teamsByName(tx.manager, dto.teams));
      Object.assign(user, definedOnly({ name: dto.name, role: dto.role, active: dto.active, teams }));
      const after = eventUser(user);
      const changed = (Object.keys(after) as (keyof typeof after)[]).filter(
        (key) => JSON.stringify(after[key]) !== JSON.stringify(before[key]),
      );
      if (changed.length === 0) return { user, effect: 'takes' as const };

      if (user.role !== 'Admin' || !user.active) await assertNotLastAdmin(tx.manager, user);
      await tx.manager.save(user);
      const accessSeq = tx.record([principalEntry(eventUser(user))]);
      tx.emit(updateEvents(user, changed, actor, accessSeq));
      tx.audit(actor, [{ action: 'user.updated', target: `user/${id}`, before, after }]);
      return { user, effect: effectOf(before, after) };
    });
    return new AccessOutcome(position, result.effect, () => userDto(result.user));
  }

  /** Deletes someone and all of their tokens, in one transaction. @throws Problem 404, 409 `last_admin` */
  async delete(id: number, actor: Actor): Promise<AccessOutcome<void>> {
    const { position } = await this.ledger.change(async (tx) => {
      const user = await lockUser(tx.manager, id);
      await assertNotLastAdmin(tx.manager, user);
      await deleteAllTokensOf(tx, user, actor);
      const accessSeq = tx.record([{ kind: 'principal', id: String(id), value: null }]);
      await tx.manager.delete(User, { id });
      tx.emit([
        {
          type: 'UserDeleted',
          subject: `user/${id}`,
          accessSeq,
          data: { user: eventUser(user), actor: eventActor(actor) },
        },
      ]);
      tx.audit(actor, [{ action: 'user.deleted', target: `user/${id}`, before: eventUser(user) }]);
    });
    return new AccessOutcome(position, 'takes', () => undefined);
  }

  private created(tx: AccessTransaction, user: User, actor: Actor): User {
    const accessSeq = tx.record([principalEntry(eventUser(user))]);
    tx.emit([
      {
        type: 'UserCreated',
        subject: `user/${user.id}`,
        accessSeq,
        data: { user: eventUser(user), actor: eventActor(actor) },
      },
    ]);
    tx.audit(actor, [{ action: 'user.created', target: `user/${user.id}`, after: eventUser(user) }]);
    return user;
  }

  private serviceUser(dto: CreateUserDto): Pick<User, 'userType' | 'userId' | 'userName' | 'email'> {
    const userId = serviceUserId(dto.name);
    return { userType: 'Service', userId, userName: userId, email: this.config.serviceEmail };
  }
}

function person(dto: CreateUserDto): Pick<User, 'userType' | 'userId' | 'userName' | 'email'> {
  const userName = dto.user_name ?? dto.email!;
  return { userType: 'User', userId: personUserId(userName), userName, email: dto.email! };
}

async function insertUser(manager: EntityManager, user: User): Promise<User> {
  try {
    return await manager.save(user);
  } catch (error) {
    if (violatedConstraint(error) !== 'users_user_id_taken') throw error;
    throw new Problem(409, 'user_id_taken', `The user_id ${user.userId} is taken`, {
      errors: [
        {
          field: user.userType === 'Service' ? 'name' : 'user_name',
          message: `makes the user_id ${user.userId}, which is taken`,
        },
      ],
    });
  }
}

/** The user with their teams, locked until the transaction ends. @throws Problem 404 */
async function lockUser(manager: EntityManager, id: number): Promise<User> {
  const locked = await manager.query<unknown[]>('SELECT FROM users WHERE id = $1 FOR UPDATE', [id]);
  if (locked.length === 0) notFound();
  return (await manager.findOne(User, { where: { id }, relations: { teams: true } }))!;
}

/** Whether anything that someone could do before is no longer theirs to do. */
function effectOf(before: EventUser, after: EventUser): AccessEffect {
  const isLowered = !roleIncludes(after.role, before.role);
  const isDeactivated = before.active && !after.active;
  const hasLeft = before.teams.some((team) => !after.teams.includes(team));
  return isLowered || isDeactivated || hasLeft ? 'takes' : 'gives';
}

function updateEvents(user: User, changed: string[], actor: Actor, accessSeq: number): NewEvent[] {
  const event = (type: 'UserUpdated' | 'UserDeactivated' | 'UserReactivated', fields: string[]): NewEvent => ({
    type,
    subject: `user/${user.id}`,
    accessSeq,
    data: { user: eventUser(user), actor: eventActor(actor), changed: fields },
  });
  const others = changed.filter((field) => field !== 'active');
  return [
    ...(others.length > 0 ? [event('UserUpdated', others)] : []),
    ...(changed.includes('active') ? [event(user.active ? 'UserReactivated' : 'UserDeactivated', ['active'])] : []),
  ];
}

/** What a request leaves out stays as it is. */
function definedOnly(fields: object): Partial<User> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function notFound(): never {
  throw new Problem(404, 'user_not_found', 'There is no user with this id');
}
