import type { MeDto, UserDto, UserListingDto } from '@portcullis/contracts';
import type { Caller } from '@portcullis/access-control';
import { isoSeconds } from '../database/iso-seconds.js';
import { teamNames } from './principals.js';
import type { User } from './user.entity.js';

export function userDto(user: User): UserDto {
  return {
    id: user.id,
    user_id: user.userId,
    user_name: user.userName,
    email: user.email,
    name: user.name,
    user_type: user.userType,
    role: user.role,
    teams: teamNames(user),
    active: user.active,
    created_at: isoSeconds(user.createdAt),
    created_by_id: user.createdById,
    has_password: user.hasPassword,
    active_tokens: user.activeTokens,
  };
}

export function userListingDto({ id, userId, name, userType }: User): UserListingDto {
  return { id, user_id: userId, name, user_type: userType };
}

export function meDto(user: User, caller: Caller): MeDto {
  return { ...userDto(user), token_id: caller.tokenId, scope: caller.scim ? 'scim' : null };
}
