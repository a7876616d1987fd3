import { Modal } from '@mantine/core';
import type { UserDto } from '../api/generated/types.gen.ts';
import { DeactivateUser } from './deactivate-user.tsx';
import { DeleteUser } from './delete-user.tsx';
import { EditUser } from './edit-user.tsx';
import { SetPassword } from './set-password.tsx';

const DIALOGS = {
  edit: { title: 'Change Role and Teams', Content: EditUser },
  password: { title: 'Set Password', Content: SetPassword },
  deactivate: { title: 'Deactivate User', Content: DeactivateUser },
  delete: { title: 'Delete User', Content: DeleteUser },
};

/** What is being asked about whom. */
export interface UserDialog {
  kind: keyof typeof DIALOGS;
  user: UserDto;
}

export interface UserDialogContent {
  user: UserDto;
  onClose: () => void;
}

/** The dialog that is open, if any. */
export function UserDialogs({ dialog, onClose }: { dialog: UserDialog | undefined; onClose: () => void }) {
  const { title, Content } = DIALOGS[dialog?.kind ?? 'edit'];
  return (
    <Modal opened={dialog !== undefined} onClose={onClose} title={title}>
      {dialog && <Content user={dialog.user} onClose={onClose} />}
    </Modal>
  );
}
