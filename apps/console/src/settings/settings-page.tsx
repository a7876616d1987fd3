import { Tabs, Title } from '@mantine/core';
import { Navigate, Outlet, useLocation, useNavigate } from 'react-router';
import { NotFoundPage } from '../app/not-found-page.tsx';
import { useCurrentUser } from '../sign-in/session.ts';
import classes from './settings-page.module.css';
import { SETTINGS_TABS } from './settings-tabs.tsx';

/** The tabs that this person may see, and the page of the one that is chosen. */
export function SettingsPage() {
  const user = useCurrentUser();
  const navigate = useNavigate();
  const chosen = useLocation().pathname.split('/')[2];
  const tabs = SETTINGS_TABS.filter((tab) => tab.isFor(user));
  if (chosen === undefined) return <Navigate to="/settings/tokens" replace />;
  if (!tabs.some(({ path }) => path === chosen)) return <NotFoundPage />;

  return (
    <div className={classes.page}>
      <Title order={1} mb="sm">
        Settings
      </Title>
      <Tabs value={chosen} onChange={(path) => void navigate(`/settings/${path}`)} keepMounted={false}>
        <Tabs.List aria-label="Settings">
          {tabs.map(({ path, label }) => (
            <Tabs.Tab key={path} value={path}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={chosen} pt="lg" tabIndex={-1}>
          <Outlet />
        </Tabs.Panel>
      </Tabs>
    </div>
  );
}
