import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import type { TokenDto } from '../api/generated/types.gen.ts';
import { messageOf } from '../api/problem.ts';
import { Notice } from '../notices/notice.tsx';
import { useTokenDeletion } from './token-actions.ts';

interface DeleteTokenDialogProps {
  /** undefined: closed. */
  token: TokenDto | undefined;
  onClose: () => void;
  onDeleted?: () => void;
}

/** Asks before a token is deleted. */
export function DeleteTokenDialog({ token, onClose, onDeleted }: DeleteTokenDialogProps) {
  return (
    <Modal opened={token !== undefined} onClose={onClose} title="Delete Token">
      {token && (
        <Question
          token={token}
          onClose={onClose}
          onDeleted={() => {
            onClose();
            onDeleted?.();
          }}
        />
      )}
    </Modal>
  );
}

interface QuestionProps {
  token: TokenDto;
  onClose: () => void;
  onDeleted: () => void;
}

function Question({ token, onClose, onDeleted }: QuestionProps) {
  const deletion = useTokenDeletion(onDeleted);
  return (
    <Stack gap="md">
      <Text size="sm">
        Delete <strong>{token.name}</strong> of {token.user.name}? This can’t be undone. The name becomes free again.
      </Text>
      {deletion.error && <Notice tone="danger">{messageOf(deletion.error)}</Notice>}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          Cancel
        </Button>
        <Button color="red" onClick={() => deletion.mutate(token)} loading={deletion.isPending}>
          Delete
        </Button>
      </Group>
    </Stack>
  );
}
