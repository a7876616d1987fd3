import { Group, SegmentedControl, Skeleton, Text, Title } from '@mantine/core';
import { useState } from 'react';
import type { TokenUsageDto } from '../api/generated/types.gen.ts';
import { FailureNotice } from '../notices/failure-notice.tsx';
import { RelativeTimeText } from '../times/relative-time-text.tsx';
import { useTokenUsage } from './token-queries.ts';
import classes from './token-page.module.css';
import { UsageChart } from './usage-chart.tsx';

const SPANS = [
  { value: '24', label: '24 h', text: 'the last 24 hours' },
  { value: '168', label: '7 d', text: 'the last 7 days' },
  { value: '720', label: '30 d', text: 'the last 30 days' },
];

/** Requests per hour with a token, and where it was last used from. */
export function TokenUsage({ id }: { id: number }) {
  const [span, setSpan] = useState('24');
  const { data, error, refetch, isFetching, isPlaceholderData } = useTokenUsage(id, Number(span));
  const { text } = SPANS.find(({ value }) => value === span)!;
  return (
    <section className={classes.card} aria-label="Usage">
      <Group justify="space-between" gap="sm" mb="md">
        <Title order={2} size="h4">
          Requests per hour
        </Title>
        <SegmentedControl
          size="xs"
          aria-label="How far back"
          value={span}
          onChange={setSpan}
          data={SPANS.map(({ value, label }) => ({ value, label }))}
        />
      </Group>
      {data ? (
        <div data-stale={isPlaceholderData}>
          <UsageChart hours={data.hours} total={data.total} spanText={text} />
          <LastUse use={data.last_use} />
        </div>
      ) : error ? (
        <FailureNotice error={error} onRetry={() => void refetch()} isRetrying={isFetching} />
      ) : (
        <Skeleton height={190} />
      )}
    </section>
  );
}

function LastUse({ use }: { use: TokenUsageDto['last_use'] }) {
  if (use === null) {
    return (
      <Text size="sm" mt="md" c="dimmed">
        It has never been used.
      </Text>
    );
  }
  return (
    <Text size="sm" mt="md">
      Last used from <strong>{use.address}</strong> through {use.gateway}, <RelativeTimeText time={use.at} />
    </Text>
  );
}
