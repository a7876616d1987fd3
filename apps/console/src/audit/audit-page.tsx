import { Button, Select } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useMemo } from 'react';
import { IconDownload } from '../app/icons.ts';
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
import { AUDIT_ACTIONS, AUDIT_PAGE_SIZE, type AuditQuery, useAudit } from './audit-queries.ts';
import { AuditTable } from './audit-table.tsx';
import { downloadAudit } from './download-audit.ts';

/** Who did what, and what was refused: the newest first. */
export function AuditPage() {
  useDocumentTitle('Audit');
  const { parameters, change, page } = useListState();
  const [action, actor] = ['action', 'actor'].map((name) => parameters.get(name));
  const query = useMemo(
    () => ({
      page,
      size: AUDIT_PAGE_SIZE,
      action: AUDIT_ACTIONS.find(({ value }) => value === action)?.value || undefined,
      actor: actor || undefined,
    }),
    [page, action, actor],
  );
  const download = useMutation({ mutationFn: () => downloadAudit(query) });
  return (
    <>
      <div className={classes.toolbar}>
        <SearchInput
          label="By whom: a user id"
          value={query.actor ?? ''}
          onSearch={(text) => change({ actor: text })}
        />
        <Select
          className={classes.filter!}
          aria-label="What was done"
          data={[...AUDIT_ACTIONS]}
          value={query.action ?? ''}
          onChange={(value) => change({ action: value ?? undefined })}
        />
        <div className={classes.spacer} />
        <Button
          variant="default"
          leftSection={<IconDownload size={16} aria-hidden />}
          loading={download.isPending}
          onClick={() => download.mutate()}
        >
          Download CSV
        </Button>
      </div>
      {download.error && (
        <FailureNotice error={download.error} onRetry={() => download.mutate()} isRetrying={download.isPending} />
      )}
      <AuditListing query={query} onPage={(next) => change({ page: next })} />
    </>
  );
}

interface AuditListingProps {
  query: AuditQuery & { page: number };
  onPage: (page: number) => void;
}

function AuditListing({ query, onPage }: AuditListingProps) {
  const { data, error, isFetching, isPlaceholderData, refetch, dataUpdatedAt } = useAudit(query);
  const { page } = query;
  useLastPage({ page, size: AUDIT_PAGE_SIZE, total: isPlaceholderData ? undefined : data?.total, onPage });
  if (error && !data) return <FailureNotice error={error} onRetry={() => void refetch()} isRetrying={isFetching} />;
  if (!data) return <ListSkeleton />;
  return (
    <>
      <StaleNotice error={error} dataUpdatedAt={dataUpdatedAt} />
      <div className={classes.frame} data-stale={isPlaceholderData}>
        {data.items.length > 0 ? (
          <AuditTable records={data.items} />
        ) : (
          <EmptyNotice title="Nothing found" text="The audit trail has nothing of that kind." />
        )}
      </div>
      <PageControls
        page={page}
        size={AUDIT_PAGE_SIZE}
        total={data.total}
        nouns={['record', 'records']}
        onPage={onPage}
      />
    </>
  );
}
