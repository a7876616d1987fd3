import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { messageOf } from '../api/problem.ts';
import { Notice } from '../notices/notice.tsx';
import { tokensStopText } from './tokens-stop-text.ts';
import { useUserDeletion } from './user-actions.ts';
import type { UserDialogContent } from './user-dialogs.tsx';

/** Asks before someone is deleted: the name has to be typed. */
export function DeleteUser({ user, onClose }: UserDialogContent) {
  const [typed, setTyped] = useState('');
  const [isWrong, setWrong] = useState(false);
  const deletion = useUserDeletion(onClose);
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    if (typed.trim() === user.name) deletion.mutate(user);
    else setWrong(true);
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <Text size="sm">
          Delete <strong>{user.name}</strong> ({user.user_id}) and all of their tokens?{' '}
          {tokensStopText(user.active_tokens)} This can’t be undone.
        </Text>
        {deletion.error && <Notice tone="danger">{messageOf(deletion.error)}</Notice>}
        <TextInput
          label={`Type ${user.name} to confirm`}
          required
          autoComplete="off"
          data-autofocus
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            setWrong(false);
          }}
          error={isWrong && `This is not ${user.name}`}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button color="red" type="submit" loading={deletion.isPending}>
            Delete
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
