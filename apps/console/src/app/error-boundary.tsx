import { Button, Center, Stack, Text, Title } from '@mantine/core';
import { Component, type ReactNode } from 'react';

/** Shows a way on when the page itself has a fault, instead of nothing at all. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  override render(): ReactNode {
    return this.state.hasFailed ? <FailedPage /> : this.props.children;
  }
}

/** In place of a page that has failed. */
export function FailedPage() {
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack align="center" gap="xs" role="alert">
        <Title order={1}>This page has failed</Title>
        <Text c="dimmed">It is not your doing. Loading it again usually helps.</Text>
        <Button onClick={() => window.location.reload()}>Load again</Button>
      </Stack>
    </Center>
  );
}
