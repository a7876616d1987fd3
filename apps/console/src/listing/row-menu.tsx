import { ActionIcon, Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import { IconDotsVertical } from '../app/icons.ts';

interface RowMenuProps {
  /** What the row is about, for those who don't see it. */
  name: string;
  width: number;
  /** Something that was chosen is under way. */
  loading: boolean;
  /** Menu.Item */
  children: ReactNode;
}

/** The three dots at the end of a row, and what can be done there. */
export function RowMenu({ name, width, loading, children }: RowMenuProps) {
  return (
    <Menu position="bottom-end" width={width}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" c="dimmed" aria-label={`Actions for ${name}`} loading={loading}>
          <IconDotsVertical size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}
