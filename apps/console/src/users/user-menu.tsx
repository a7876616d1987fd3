import { Menu } from '@mantine/core';
import { IconKey, IconPencil, IconTrash, IconUserCheck, IconUserOff } from '../app/icons.ts';
import type { UserDto } from '../api/generated/types.gen.ts';
import { RowMenu } from '../listing/row-menu.tsx';
import menu from '../tokens/token-menu.module.css';
import { useActivation } from './user-actions.ts';
import type { UserDialog } from './user-dialogs.tsx';

/** What an Admin can do about someone. */
export function UserMenu({ user, onAsk }: { user: UserDto; onAsk: (dialog: UserDialog) => void }) {
  const activation = useActivation();
  return (
    <RowMenu name={user.name} width={200} loading={activation.isPending}>
      <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={() => onAsk({ kind: 'edit', user })}>
        Change role and teams
      </Menu.Item>
      {user.user_type === 'User' && (
        <Menu.Item leftSection={<IconKey size={16} aria-hidden />} onClick={() => onAsk({ kind: 'password', user })}>
          Set password
        </Menu.Item>
      )}
      {user.active ? (
        <Menu.Item
          leftSection={<IconUserOff size={16} aria-hidden />}
          onClick={() => onAsk({ kind: 'deactivate', user })}
        >
          Deactivate
        </Menu.Item>
      ) : (
        <Menu.Item leftSection={<IconUserCheck size={16} aria-hidden />} onClick={() => activation.mutate(user)}>
          Activate
        </Menu.Item>
      )}
      <Menu.Item
        className={menu.danger!}
        leftSection={<IconTrash size={16} aria-hidden />}
        onClick={() => onAsk({ kind: 'delete', user })}
      >
        Delete
      </Menu.Item>
    </RowMenu>
  );
}
