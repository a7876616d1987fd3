import { Button, SegmentedControl, Select } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '../app/icons.ts';
import { useState } from 'react';
import type { TokenDto } from '../api/generated/types.gen.ts';
import { useDocumentTitle } from '../app/use-document-title.ts';
import { ListSkeleton } from '../listing/list-skeleton.tsx';
import classes from '../listing/listing.module.css';
import { PageControls } from '../listing/page-controls.tsx';
import { SearchInput } from '../listing/search-input.tsx';
import { useLastPage } from '../listing/use-last-page.ts';
import { EmptyNotice } from '../notices/empty-notice.tsx';
import { FailureNotice } from '../notices/failure-notice.tsx';
import { StaleNotice } from '../notices/stale-notice.tsx';
import { useCurrentUser } from '../sign-in/session.ts';
import { DeleteTokenDialog } from './delete-token-dialog.tsx';
import { GenerateTokenDialog } from './generate-token-dialog.tsx';
import { TOKEN_STATUSES } from './token.ts';
import { useTokenListState } from './token-list-state.ts';
import { TOKEN_PAGE_SIZE, type TokenListName, useTokens } from './token-queries.ts';
import { TokenTable } from './token-table.tsx';

/** The lists of tokens, and the way to a new one. */
export function TokensPage() {
  useDocumentTitle('Tokens');
  const { isAdmin } = useCurrentUser();
  const { list, query, change } = useTokenListState();
  const [isGenerating, generating] = useDisclosure(false);

  return (
    <>
      <div className={classes.toolbar}>
        {isAdmin && (
          <SegmentedControl
            aria-label="Which tokens"
            value={list === 'service' ? 'service' : 'personal'}
            onChange={(value) => change({ list: value === 'service' ? 'service' : undefined })}
            data={[
              { value: 'personal', label: 'Personal Tokens' },
              { value: 'service', label: 'Service Tokens' },
            ]}
          />
        )}
        <div className={classes.spacer} />
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={generating.open}>
          Generate Token
        </Button>
      </div>
      <div className={classes.toolbar}>
        <SearchInput label="Search by name or owner" value={query.q ?? ''} onSearch={(q) => change({ q })} key={list} />
        <Select
          className={classes.filter!}
          aria-label="Status"
          data={[{ value: '', label: 'Any status' }, ...TOKEN_STATUSES]}
          value={query.status ?? ''}
          onChange={(status) => change({ status: status ?? undefined })}
        />
        {isAdmin && list !== 'service' && (
          <Select
            className={classes.filter!}
            aria-label="Whose tokens"
            data={[
              { value: 'personal', label: 'Mine' },
              { value: 'everyone', label: 'Everyone’s' },
            ]}
            value={list}
            onChange={(value) => change({ list: value === 'everyone' ? value : undefined })}
          />
        )}
      </div>
      <TokenListing list={list} query={query} change={change} onGenerate={generating.open} />
      <GenerateTokenDialog
        opened={isGenerating}
        onClose={generating.close}
        initialType={list === 'service' ? 'Service' : 'Personal'}
      />
    </>
  );
}

type TokenListingProps = Pick<ReturnType<typeof useTokenListState>, 'query' | 'change'> & {
  list: TokenListName;
  onGenerate: () => void;
};

function TokenListing({ list, query, change, onGenerate }: TokenListingProps) {
  const { data, error, isFetching, isPlaceholderData, refetch, dataUpdatedAt } = useTokens(list, query);
  const [deleting, setDeleting] = useState<TokenDto>();
  const { page } = query;
  const onPage = (next: number): void => change({ page: next });
  useLastPage({ page, size: TOKEN_PAGE_SIZE, total: isPlaceholderData ? undefined : data?.total, onPage });

  if (error && !data) return <FailureNotice error={error} onRetry={() => void refetch()} isRetrying={isFetching} />;
  if (!data) return <ListSkeleton />;
  const isFiltered = query.q !== undefined || query.status !== undefined;
  return (
    <>
      <StaleNotice error={error} dataUpdatedAt={dataUpdatedAt} />
      <div className={classes.frame} data-stale={isPlaceholderData}>
        {data.items.length > 0 ? (
          <TokenTable
            tokens={data.items}
            ownerLabel={list === 'service' ? 'Service user' : 'Owner'}
            sort={query.sort}
            onSort={(sort) => change({ sort })}
            onDelete={setDeleting}
          />
        ) : isFiltered ? (
          <EmptyNotice title="No token matches" text="Nothing here has that name, owner or status." />
        ) : (
          <EmptyNotice
            title="No tokens yet"
            text={`A token lets a program call the API in ${list === 'service' ? 'the name of a service user' : 'your name'}.`}
            action={
              <Button mt="xs" variant="light" onClick={onGenerate}>
                Generate the first
              </Button>
            }
          />
        )}
      </div>
      <PageControls page={page} size={TOKEN_PAGE_SIZE} total={data.total} nouns={['token', 'tokens']} onPage={onPage} />
      <DeleteTokenDialog token={deleting} onClose={() => setDeleting(undefined)} />
    </>
  );
}
