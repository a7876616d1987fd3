import { Stack, Text, Title } from '@mantine/core';
import { IconInbox } from '../app/icons.ts';
import type { ReactNode } from 'react';
import classes from './empty-notice.module.css';

interface EmptyNoticeProps {
  title: string;
  text: string;
  action?: ReactNode;
  /** The level of the heading. */
  order?: 1 | 2;
}

/** In place of a list that is empty: why it is, and what to do about it. */
export function EmptyNotice({ title, text, action, order = 2 }: EmptyNoticeProps) {
  return (
    <Stack className={classes.notice} align="center" gap="xs">
      <IconInbox size={32} stroke={1.5} aria-hidden className={classes.icon} />
      <Title order={order} size="h4">
        {title}
      </Title>
      <Text c="dimmed" size="sm" maw="26rem">
        {text}
      </Text>
      {action}
    </Stack>
  );
}
