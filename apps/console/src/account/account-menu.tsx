import { Avatar, Menu, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconKey, IconLogout } from '../app/icons.ts';
import { useMutation } from '@tanstack/react-query';
import { toastFailed } from '../notices/toasts.tsx';
import { signOut, useCurrentUser } from '../sign-in/session.ts';
import classes from './account-menu.module.css';
import { ChangePasswordDialog } from './change-password-dialog.tsx';

/** Who is signed in, and what they may do about it. */
export function AccountMenu() {
  const user = useCurrentUser();
  const [isChanging, { open, close }] = useDisclosure(false);
  const leaving = useMutation({
    mutationFn: signOut,
    onError: (error) => toastFailed('Signing out failed', error),
  });
  return (
    <>
      <Menu position="top-start" width={220}>
        <Menu.Target>
          <UnstyledButton className={classes.account}>
            <Avatar size={30} radius="xl" name={user.name} className={classes.avatar!} aria-hidden />
            <span className={classes.who}>
              <span className={classes.name}>
                <VisuallyHidden>Account of </VisuallyHidden>
                {user.name}
              </span>
              <span className={classes.role}>{user.role}</span>
            </span>
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconKey size={16} aria-hidden />} onClick={open}>
            Change password
          </Menu.Item>
          <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => leaving.mutate()}>
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ChangePasswordDialog opened={isChanging} onClose={close} />
    </>
  );
}
