import { Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { gatewaysFindAll } from '../api/generated/operations.gen.ts';
import type { GatewayDto } from '../api/generated/types.gen.ts';
import { useDocumentTitle } from '../app/use-document-title.ts';
import listing from '../listing/listing.module.css';
import { EmptyNotice } from '../notices/empty-notice.tsx';
import { FailureNotice } from '../notices/failure-notice.tsx';
import { StaleNotice } from '../notices/stale-notice.tsx';
import { GatewayTable } from './gateway-table.tsx';
import classes from './gateways-page.module.css';

const REFRESH_MS = 2_000;
const number = new Intl.NumberFormat('en');
const rate = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** Each gateway: its lease, how far it is, how much goes through it. */
export function GatewaysPage() {
  useDocumentTitle('Gateways');
  const { data, error, refetch, isFetching, dataUpdatedAt } = useQuery({
    queryKey: ['gateways'],
    queryFn: async ({ signal }) => (await gatewaysFindAll({ signal })).data,
    refetchInterval: REFRESH_MS,
  });
  if (error && !data) return <FailureNotice error={error} onRetry={() => void refetch()} isRetrying={isFetching} />;
  if (!data) return <Skeleton height={220} radius="md" />;
  const { gateways, seq } = data;
  return (
    <>
      <StaleNotice error={error} dataUpdatedAt={dataUpdatedAt} />
      <dl className={classes.figures}>
        <Figure
          label="Gateways"
          value={`${gateways.filter(({ state }) => state === 'ok').length} of ${gateways.length}`}
        >
          up to date
        </Figure>
        <Figure label="Access ledger" value={number.format(seq)}>
          latest change
        </Figure>
        <Figure label="Requests" value={rate.format(sum(gateways, 'requests_per_second'))}>
          per second
        </Figure>
        <Figure label="Refused" value={rate.format(sum(gateways, 'refused_per_second'))}>
          per second
        </Figure>
      </dl>
      <div className={listing.frame}>
        {gateways.length > 0 ? (
          <GatewayTable gateways={gateways} seq={seq} />
        ) : (
          <EmptyNotice title="No gateway" text="None has registered with the token-service yet." />
        )}
      </div>
      <Text size="xs" c="dimmed" mt="sm">
        Read again every 2 seconds. A gateway admits nobody without a lease, so one that is cut off can’t let a revoked
        token in.
      </Text>
    </>
  );
}

function Figure({ label, value, children }: { label: string; value: string; children: string }) {
  return (
    <div className={classes.figure}>
      <dt>{label}</dt>
      <dd>
        {value} <span>{children}</span>
      </dd>
    </div>
  );
}

function sum(gateways: readonly GatewayDto[], field: 'requests_per_second' | 'refused_per_second'): number {
  return gateways.reduce((total, gateway) => total + gateway[field], 0);
}
