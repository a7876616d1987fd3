import type { ReactElement } from 'react';
import { AuditPage } from '../audit/audit-page.tsx';
import { GatewaysPage } from '../gateways/gateways-page.tsx';
import { TokenPage } from '../tokens/token-page.tsx';
import { TokensPage } from '../tokens/tokens-page.tsx';
import { UsersPage } from '../users/users-page.tsx';
import type { useCurrentUser } from '../sign-in/session.ts';

interface SettingsTab {
  /** Its address, below /settings/. */
  path: string;
  label: string;
  isFor: (user: ReturnType<typeof useCurrentUser>) => boolean;
  pages: { path: string; element: ReactElement }[];
}

/** The tabs of the settings, in order: a line here is all that a new one takes. */
export const SETTINGS_TABS: readonly SettingsTab[] = [
  {
    path: 'tokens',
    label: 'Tokens',
    isFor: () => true,
    pages: [
      { path: '', element: <TokensPage /> },
      { path: '/:id', element: <TokenPage /> },
    ],
  },
  { path: 'users', label: 'Users', isFor: (user) => user.seesUsers, pages: [{ path: '', element: <UsersPage /> }] },
  {
    path: 'gateways',
    label: 'Gateways',
    isFor: (user) => user.isAdmin,
    pages: [{ path: '', element: <GatewaysPage /> }],
  },
  { path: 'audit', label: 'Audit', isFor: (user) => user.isAdmin, pages: [{ path: '', element: <AuditPage /> }] },
];
