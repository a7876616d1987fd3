import { ActionIcon, Loader, Menu } from '@mantine/core';
import { type ReactNode, useLayoutEffect, useRef } from 'react';
import { focusContent } from '../app/focus-content.ts';
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
  const target = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const button = target.current;
    // The row may go with what was done there, and where the keyboard was with it.
    return () => {
      if (button === document.activeElement) focusContent();
    };
  }, []);
  return (
    <Menu position="bottom-end" width={width}>
      <Menu.Target>
        {/* Mantine's own `loading` disables the button, which takes the focus from it. */}
        <ActionIcon
          ref={target}
          variant="subtle"
          color="gray"
          c="dimmed"
          aria-label={`Actions for ${name}`}
          aria-busy={loading}
        >
          {loading ? <Loader size={16} color="gray" /> : <IconDotsVertical size={18} aria-hidden />}
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}
