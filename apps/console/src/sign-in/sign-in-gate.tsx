import { Center, Loader } from '@mantine/core';
import { Fragment, type ReactNode, useEffect, useRef } from 'react';
import { FailureNotice } from '../notices/failure-notice.tsx';
import { CurrentUser, useSession } from './session.ts';
import { SignInPage } from './sign-in-page.tsx';

/**
 * Shows the page to whoever is signed in and the sign-in to anybody else, at the same address: after signing in one is where one
 * wanted to be, or was.
 */
export function SignInGate({ children }: { children: ReactNode }) {
  const { data: session, error, refetch, isFetching } = useSession();
  const hadSession = useRef(false);
  useEffect(() => {
    hadSession.current ||= Boolean(session);
  }, [session]);

  if (session) {
    return (
      <CurrentUser value={session.user}>
        <Fragment key={session.user.id}>{children}</Fragment>
      </CurrentUser>
    );
  }
  if (session === null) return <SignInPage hasExpired={hadSession.current} />;
  return (
    <Center component="main" mih="100dvh" p="md">
      {error ? (
        <FailureNotice error={error} onRetry={() => void refetch()} isRetrying={isFetching} />
      ) : (
        <Loader aria-label="Loading" />
      )}
    </Center>
  );
}
