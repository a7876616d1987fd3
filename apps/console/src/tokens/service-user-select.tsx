import { Select, type SelectProps } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { usersListing } from '../api/generated/operations.gen.ts';
import type { TokenUserDto } from '../api/generated/types.gen.ts';
import { messageOf } from '../api/problem.ts';

/** More than a drop-down can show; the search finds the others. */
const SHOWN_MAX = 50;

type ServiceUserSelectProps = Omit<SelectProps, 'data'> & { lockedUser: TokenUserDto | undefined };

/** Chooses a service user by name or user id. */
export function ServiceUserSelect({ lockedUser, error, ...others }: ServiceUserSelectProps) {
  const {
    data,
    error: readError,
    isLoading,
  } = useQuery({
    queryKey: ['users', 'listing'],
    queryFn: async ({ signal }) => (await usersListing({ query: { type: 'Service' }, signal })).data,
    enabled: lockedUser === undefined,
  });
  const users = lockedUser ? [lockedUser] : (data ?? []);
  return (
    <Select
      label="Service User"
      required
      searchable
      limit={SHOWN_MAX}
      data={users.map(({ id, name, user_id }) => ({ value: String(id), label: `${name} (${user_id})` }))}
      placeholder={isLoading ? 'Loading …' : 'Search by name'}
      nothingFoundMessage="No service user has that name"
      disabled={lockedUser !== undefined}
      {...others}
      error={error ?? (readError && `The service users can’t be read: ${messageOf(readError)}`)}
    />
  );
}
