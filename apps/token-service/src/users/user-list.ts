import { Injectable } from '@nestjs/common';
import type { ListUsersQuery, Page, UserDto, UserListingDto, UserType } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { containing } from '../database/like-pattern.js';
import { User } from './user.entity.js';
import { userDto, userListingDto } from './user-views.js';

/** A drop-down with more than this wants a search field instead. */
const LISTING_MAX = 10_000;

/** Reads users, many at a time. */
@Injectable()
export class UserList {
  constructor(private readonly dataSource: DataSource) {}

  async page({ page, size, type, q }: ListUsersQuery): Promise<Page<UserDto>> {
    const query = this.dataSource.manager.createQueryBuilder(User, 'u').leftJoinAndSelect('u.teams', 'team');
    if (type) query.andWhere('u.userType = :type', { type });
    if (q) query.andWhere('(u.name ILIKE :q OR u.userId ILIKE :q OR u.email ILIKE :q)', { q: containing(q) });
    const [users, total] = await query
      .orderBy('u.id')
      .skip((page - 1) * size)
      .take(size)
      .getManyAndCount();
    return { items: users.map(userDto), total, page, size };
  }

  async listing(type?: UserType): Promise<UserListingDto[]> {
    const users = await this.dataSource.manager.find(User, {
      where: type ? { userType: type } : {},
      order: { name: 'ASC', id: 'ASC' },
      take: LISTING_MAX,
    });
    return users.map(userListingDto);
  }
}
