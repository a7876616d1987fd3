import { Inject, Injectable } from '@nestjs/common';
import { type CreateUserDto, invalidField, Problem, type UpdateUserDto, type UserDto } from '@portcullis/contracts';
import { DataSource, type EntityManager } from 'typeorm';
import { AccessLedger } from '../access/access-ledger.js';
import { AccessOutcome } from '../access/access-outcome.js';
import type { Actor } from '../audit/actor.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { violatedConstraint } from '../database/database-errors.js';
import { teamsByName } from '../teams/team-lookup.js';
import { assertNotLastAdmin } from './last-admin.js';
import { lockUser, userNotFound } from './locked-user.js';
import { eventUser } from './principals.js';
import { changedFields, effectOf, recordUserChange, recordUserCreated } from './user-changes.js';
import { deleteUser } from './user-deletion.js';
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
    return user ?? userNotFound();
  }

  /** @throws Problem 400 for an unknown team or what only a person has, 409 `user_id_taken` */
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
      const created = await lockUser(tx.manager, id);
      recordUserCreated(tx, eventUser(created), actor);
      return created;
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
      if (changedFields(before, after).length === 0) return { user, effect: 'takes' as const };

      if (user.role !== 'Admin' || !user.active) await assertNotLastAdmin(tx.manager, user);
      await tx.manager.save(user);
      recordUserChange(tx, before, after, actor);
      return { user, effect: effectOf(before, after) };
    });
    return new AccessOutcome(position, result.effect, () => userDto(result.user));
  }

  /** Deletes someone and all of their tokens, in one transaction. @throws Problem 404, 409 `last_admin` */
  async delete(id: number, actor: Actor): Promise<AccessOutcome<void>> {
    const { position } = await this.ledger.change(async (tx) => {
      await deleteUser(tx, await lockUser(tx.manager, id), actor);
    });
    return new AccessOutcome(position, 'takes', () => undefined);
  }

  private serviceUser(dto: CreateUserDto): Pick<User, 'userType' | 'userId' | 'userName' | 'email'> {
    for (const field of ['email', 'user_name'] as const)
      if (dto[field] !== undefined) throw invalidField(field, 'goes with "user_type": "User"');
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

/** What a request leaves out stays as it is. */
function definedOnly(fields: object): Partial<User> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
