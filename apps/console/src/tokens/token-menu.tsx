import { Menu } from '@mantine/core';
import { IconArrowBackUp, IconBan, IconTrash } from '../app/icons.ts';
import type { TokenDto } from '../api/generated/types.gen.ts';
import { RowMenu } from '../listing/row-menu.tsx';
import { useTokenRevocation } from './token-actions.ts';
import classes from './token-menu.module.css';

interface TokenMenuProps {
  token: TokenDto;
  onDelete: (token: TokenDto) => void;
}

/** What can be done with a token: Revoke (active); Restore and Delete (revoked); Delete (expired). */
export function TokenMenu({ token, onDelete }: TokenMenuProps) {
  const revocation = useTokenRevocation();
  return (
    <RowMenu name={token.name} width={210} loading={revocation.isPending}>
      {token.status === 'Active' && (
        <Menu.Item
          leftSection={<IconBan size={16} aria-hidden />}
          onClick={() => revocation.mutate({ token, revoke: true })}
        >
          Revoke
        </Menu.Item>
      )}
      {token.status === 'Revoked' && (
        <Menu.Item
          leftSection={<IconArrowBackUp size={16} aria-hidden />}
          onClick={() => revocation.mutate({ token, revoke: false })}
        >
          Restore
        </Menu.Item>
      )}
      {token.status === 'Active' ? (
        <DeletionExplained />
      ) : (
        <Menu.Item
          className={classes.danger!}
          leftSection={<IconTrash size={16} aria-hidden />}
          onClick={() => onDelete(token)}
        >
          Delete
        </Menu.Item>
      )}
    </RowMenu>
  );
}

/** It can be reached with the keyboard, so that its reason is read out. */
function DeletionExplained() {
  return (
    <Menu.Item
      aria-disabled
      closeMenuOnClick={false}
      className={classes.unavailable!}
      leftSection={<IconTrash size={16} aria-hidden />}
    >
      Delete
      <span className={classes.reason}>An active token can’t be deleted: revoke it first</span>
    </Menu.Item>
  );
}
