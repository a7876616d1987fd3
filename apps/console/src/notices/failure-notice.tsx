import { Button, Stack, Text, Title } from '@mantine/core';
import { IconCloudOff, IconRefresh } from '../app/icons.ts';
import { ApiError, messageOf } from '../api/problem.ts';
import classes from './empty-notice.module.css';

interface FailureNoticeProps {
  error: unknown;
  onRetry: () => void;
  isRetrying: boolean;
}

/** In place of what could not be read: why, and a way to try again. */
export function FailureNotice({ error, onRetry, isRetrying }: FailureNoticeProps) {
  const isOutage = !(error instanceof ApiError) || error.isOutage;
  return (
    <Stack className={classes.notice} role="alert" align="center" gap="xs">
      <IconCloudOff size={32} stroke={1.5} aria-hidden className={classes.icon} />
      <Title order={2} size="h4">
        {isOutage ? 'Portcullis doesn’t answer' : 'This can’t be shown'}
      </Title>
      <Text c="dimmed" size="sm" maw="26rem">
        {messageOf(error)}
      </Text>
      <Button
        variant="default"
        leftSection={<IconRefresh size={16} aria-hidden />}
        onClick={onRetry}
        loading={isRetrying}
      >
        Retry
      </Button>
    </Stack>
  );
}
