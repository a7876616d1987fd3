import { Button, Select } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '../app/icons.ts';
import { useMemo, useState } from 'react';
import { useDocumentTitle } from '../app/use-document-title.ts';
import { ListSkeleton } from '../listing/list-skeleton.tsx';
import classes from '../listing/listing.module.css';
import { PageControls } from '../listing/page-controls.tsx';
import { SearchInput } from '../listing/search-input.tsx';
import { useLastPage } from '../listing/use-last-page.ts';
import { useListState } from '../listing/use-list-state.ts';
import { EmptyNotice } from '../notices/empty-notice.tsx';
import { FailureNotice } from '../notices/failure-notice.tsx';
import { StaleNotice } from '../notices/stale-notice.tsx';
import { useCurrentUser } from '../sign-in/session.ts';
import { AddServiceAccountDialog } from './add-service-account-dialog.tsx';
import { type UserDialog, UserDialogs } from './user-dialogs.tsx';
import { USER_PAGE_SIZE, type UserListQuery, type UserSort, useUsers } from './user-queries.ts';
import { UserTable } from './user-table.tsx';

const TYPES = ['User', 'Service'] as const;
const SORTS = ['id', 'name', 'role', '-id', '-name', '-role'] as const;

/** People and service users. */
export function UsersPage() {
  useDocumentTitle('Users');
  const { isAdmin } = useCurrentUser();
  const { parameters, change, page } = useListState();
  const [isAdding, adding] = useDisclosure(false);
  const [type, sort, q] = ['type', 'sort', 'q'].map((name) => parameters.get(name));
  const query = useMemo(
    () => ({
      page,
      size: USER_PAGE_SIZE,
      type: TYPES.find((name) => name === type),
      sort: SORTS.find((name) => name === sort) ?? ('name' as const),
      q: q || undefined,
    }),
    [page, type, sort, q],
  );
  return (
    <>
      <div className={classes.toolbar}>
        <SearchInput
          label="Search by name, user id or e-mail"
          value={query.q ?? ''}
          onSearch={(text) => change({ q: text })}
        />
        <Select
          className={classes.filter!}
          aria-label="Kind of user"
          data={[
            { value: '', label: 'All users' },
            { value: 'User', label: 'People' },
            { value: 'Service', label: 'Service users' },
          ]}
          value={query.type ?? ''}
          onChange={(value) => change({ type: value ?? undefined })}
        />
        <div className={classes.spacer} />
        {isAdmin && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={adding.open}>
            Add Service Account
          </Button>
        )}
      </div>
      <UserListing query={query} change={change} />
      <AddServiceAccountDialog opened={isAdding} onClose={adding.close} />
    </>
  );
}

interface UserListingProps {
  query: UserListQuery & { page: number; sort: UserSort };
  change: ReturnType<typeof useListState>['change'];
}

function UserListing({ query, change }: UserListingProps) {
  const { data, error, isFetching, isPlaceholderData, refetch, dataUpdatedAt } = useUsers(query);
  const [dialog, setDialog] = useState<UserDialog>();
  const { page } = query;
  const onPage = (next: number): void => change({ page: next });
  useLastPage({ page, size: USER_PAGE_SIZE, total: isPlaceholderData ? undefined : data?.total, onPage });
  if (error && !data) return <FailureNotice error={error} onRetry={() => void refetch()} isRetrying={isFetching} />;
  if (!data) return <ListSkeleton />;
  return (
    <>
      <StaleNotice error={error} dataUpdatedAt={dataUpdatedAt} />
      <div className={classes.frame} data-stale={isPlaceholderData}>
        {data.items.length > 0 ? (
          <UserTable users={data.items} sort={query.sort} onSort={(sort) => change({ sort })} onAsk={setDialog} />
        ) : (
          <EmptyNotice title="Nobody matches" text="No user has that name, user id or e-mail address." />
        )}
      </div>
      <PageControls page={page} size={USER_PAGE_SIZE} total={data.total} nouns={['user', 'users']} onPage={onPage} />
      <UserDialogs dialog={dialog} onClose={() => setDialog(undefined)} />
    </>
  );
}
