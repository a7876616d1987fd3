declare module 'virtual:theme.css';

declare module '@tabler/icons-react/dist/esm/icons/*' {
  import type { IconProps } from '@tabler/icons-react/dist/tabler-icons-react';
  const Icon: import('react').ComponentType<IconProps>;
  export default Icon;
}
