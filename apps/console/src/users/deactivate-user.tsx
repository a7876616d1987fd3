import { Button, Group, Stack, Text } from '@mantine/core';
import { messageOf } from '../api/problem.ts';
import { Notice } from '../notices/notice.tsx';
import { tokensStopText } from './tokens-stop-text.ts';
import { useUserUpdate } from './user-actions.ts';
import type { UserDialogContent } from './user-dialogs.tsx';

/** Asks before someone is deactivated, and says how many tokens stop. */
export function DeactivateUser({ user, onClose }: UserDialogContent) {
  const update = useUserUpdate(() => `${user.name} has been deactivated`, onClose);
  return (
    <Stack gap="md">
      <Text size="sm">
        Deactivate <strong>{user.name}</strong>? {tokensStopText(user.active_tokens)} Activating {user.name} again lets
        them work again.
      </Text>
      {update.error && <Notice tone="danger">{messageOf(update.error)}</Notice>}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          Cancel
        </Button>
        <Button color="red" onClick={() => update.mutate({ user, body: { active: false } })} loading={update.isPending}>
          Deactivate
        </Button>
      </Group>
    </Stack>
  );
}
