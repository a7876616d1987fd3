import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { useState } from 'react';
import { createBrowserRouter, Navigate, Outlet, RouterProvider } from 'react-router';
import { CliAuthorizePage } from '../cli/cli-authorize-page.tsx';
import { LiveUpdates } from '../live/live-updates.tsx';
import { SettingsPage } from '../settings/settings-page.tsx';
import { SETTINGS_TABS } from '../settings/settings-tabs.tsx';
import { SignInGate } from '../sign-in/sign-in-gate.tsx';
import { components } from './components.ts';
import { ErrorBoundary, FailedPage } from './error-boundary.tsx';
import { NotFoundPage } from './not-found-page.tsx';
import { createQueryClient } from './query-client.ts';
import { Shell } from './shell.tsx';
import { theme } from './theme.ts';

const themeWithComponents = { ...theme, components };

/** What is at which address. A router of this kind can hold a way back off, for a token that nobody has taken yet. */
const router = createBrowserRouter([
  {
    element: <SignedIn />,
    errorElement: <FailedPage />,
    children: [
      { path: '/cli/authorize', element: <CliAuthorizePage /> },
      {
        element: <Shell />,
        children: [
          { index: true, element: <Navigate to="/settings" replace /> },
          {
            path: '/settings',
            element: <SettingsPage />,
            children: SETTINGS_TABS.flatMap(({ path, pages }) =>
              pages.map((page) => ({ path: path + page.path, element: page.element })),
            ),
          },
          { path: '*', element: <NotFoundPage /> },
        ],
      },
    ],
  },
]);

/** The whole page: who is signed in, then what is at the address. */
export function App() {
  const [queryClient] = useState(createQueryClient);
  return (
    // The theme's variables and classes are in the stylesheet (build/theme-stylesheet.ts): the policy forbids inline styles.
    <MantineProvider
      theme={themeWithComponents}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <ErrorBoundary>
        <QueryClientProvider client={queryClient}>
          {/* Below the dialogs, whose buttons they would cover. */}
          <Notifications position="bottom-right" limit={4} zIndex={150} />
          <RouterProvider router={router} />
        </QueryClientProvider>
      </ErrorBoundary>
    </MantineProvider>
  );
}

function SignedIn() {
  return (
    <SignInGate>
      <LiveUpdates />
      <Outlet />
    </SignInGate>
  );
}
