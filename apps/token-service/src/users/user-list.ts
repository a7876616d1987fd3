import { Injectable } from '@nestjs/common';
import {
  type ListUsersQuery,
  type Page,
  ROLES,
  type UserDto,
  type UserListingDto,
  type UserType,
} from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { isoSeconds } from '../database/iso-seconds.js';
import { containing } from '../database/like-pattern.js';
import { TEAM_NAMES_SQL } from './principals.js';
import { activeTokensSql, User } from './user.entity.js';
import { userListingDto } from './user-views.js';

/** A drop-down with more than this wants a search field instead. */
const LISTING_MAX = 10_000;

type UserRow = Omit<UserDto, 'created_at'> & { created_at: Date };

/** What a sort is called in the API, and the expression behind it. */
const SORTS: Record<string, string> = {
  id: 'u.id',
  name: 'lower(u.name)',
  role: `array_position(ARRAY['${ROLES.join(`','`)}'], u.role)`,
};

/** Reads users, many at a time. */
@Injectable()
export class UserList {
  constructor(private readonly dataSource: DataSource) {}

  async page({ page, size, type, q, sort }: ListUsersQuery): Promise<Page<UserDto>> {
    const filter = [type ?? null, q === undefined ? null : containing(q)];
    const descending = sort.startsWith('-');
    const order = `${SORTS[descending ? sort.slice(1) : sort]} ${descending ? 'DESC' : 'ASC'}, u.id`;
    const [rows, [counted]] = await Promise.all([
      this.dataSource.query<UserRow[]>(`${PAGE_SQL} ORDER BY ${order} LIMIT $3 OFFSET $4`, [
        ...filter,
        size,
        (page - 1) * size,
      ]),
      this.dataSource.query<{ total: number }[]>(`SELECT count(*) AS total ${FILTERED_SQL}`, filter),
    ]);
    const items = rows.map((row) => ({ ...row, created_at: isoSeconds(row.created_at) }));
    return { items, total: counted!.total, page, size };
  }

  async listing(type?: UserType): Promise<UserListingDto[]> {
    const users = await this.dataSource.manager.find(User, {
      select: { id: true, userId: true, name: true, userType: true },
      where: type ? { userType: type } : {},
      order: { name: 'ASC', id: 'ASC' },
      take: LISTING_MAX,
    });
    return users.map(userListingDto);
  }
}

const FILTERED_SQL = `
  FROM users u
  WHERE ($1::text IS NULL OR user_type = $1) AND ($2::text IS NULL OR name ILIKE $2 OR user_id ILIKE $2 OR email ILIKE $2)`;
const PAGE_SQL = `
  SELECT id, user_id, user_name, email, name, user_type, role, ${TEAM_NAMES_SQL} AS teams, active, created_at, created_by_id,
    password_hash IS NOT NULL AS has_password, (${activeTokensSql('u')}) AS active_tokens
  ${FILTERED_SQL}`;
