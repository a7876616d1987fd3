import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { teamsFindAll, usersFindAll } from '../api/generated/operations.gen.ts';
import type { UserDto, UsersFindAllData } from '../api/generated/types.gen.ts';

export type Role = UserDto['role'];
export type UserListQuery = NonNullable<UsersFindAllData['query']>;
export type UserSort = NonNullable<UserListQuery['sort']>;

export const ROLES: readonly Role[] = ['Member', 'Editor', 'Manager', 'Admin'];
/** Everyone is in it, so it is nobody's to choose. */
export const EVERYONES_TEAM = 'Public';
export const USERS_KEY = 'users';
export const USER_PAGE_SIZE = 50;
/** The API's largest page. */
const TEAM_PAGE_SIZE = 100;
const TEAM_PAGES_MAX = 50;

/** One page of the users. The page before stays until the next is there. */
export function useUsers(query: UserListQuery) {
  return useQuery({
    queryKey: [USERS_KEY, 'list', query],
    queryFn: async ({ signal }) => (await usersFindAll({ query, signal })).data,
    placeholderData: keepPreviousData,
  });
}

/** The names of the teams that one can be put into. */
export function useTeamNames() {
  return useQuery({ queryKey: ['teams'], queryFn: ({ signal }) => readTeamNames(signal) });
}

async function readTeamNames(signal: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  for (let page = 1; page <= TEAM_PAGES_MAX; page++) {
    const { data } = await teamsFindAll({ query: { page, size: TEAM_PAGE_SIZE }, signal });
    names.push(...data.items.map(({ name }) => name));
    if (page * TEAM_PAGE_SIZE >= data.total) break;
  }
  return names.filter((name) => name !== EVERYONES_TEAM);
}
