import { Button, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { sessionsCreate } from '../api/generated/operations.gen.ts';
import { ApiError } from '../api/problem.ts';
import { ColorSchemeToggle } from '../app/color-scheme-toggle.tsx';
import { Logo } from '../app/logo.tsx';
import { useDocumentTitle } from '../app/use-document-title.ts';
import { fieldErrors, formMessage } from '../notices/form-errors.ts';
import { Notice } from '../notices/notice.tsx';
import { setSession } from './session.ts';
import classes from './sign-in-page.module.css';
import { PasswordField } from './password-field.tsx';

/** User name and password. `hasExpired`: there was a session in this page, and it has ended. */
export function SignInPage({ hasExpired }: { hasExpired: boolean }) {
  useDocumentTitle('Sign in');
  const client = useQueryClient();
  const form = useForm({ initialValues: { user_name: '', password: '' } });
  const signIn = useMutation({
    mutationFn: (values: typeof form.values) => sessionsCreate({ body: values }),
    meta: { signsIn: true },
    onSuccess: ({ data }) => setSession(client, data),
    onError: (error) => form.setErrors(fieldErrors(error)),
  });

  return (
    <main className={classes.page}>
      <div className={classes.toggle}>
        <ColorSchemeToggle />
      </div>
      <form className={classes.card} onSubmit={form.onSubmit((values) => signIn.mutate(values))} noValidate>
        <Stack gap="md">
          <Logo size={40} />
          <div>
            <Title order={1}>Sign in to Portcullis</Title>
            <Text c="dimmed" size="sm" mt={4}>
              API tokens, and who may use them.
            </Text>
          </div>
          {hasExpired && !signIn.error && (
            <Notice tone="info" role="status">
              Your session has ended. Sign in to go on where you were.
            </Notice>
          )}
          {signIn.error && <Notice tone="danger">{refusalOf(signIn.error)}</Notice>}
          <TextInput
            label="User name"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
            required
            {...form.getInputProps('user_name')}
          />
          <PasswordField label="Password" autoComplete="current-password" {...form.getInputProps('password')} />
          <Button type="submit" fullWidth loading={signIn.isPending}>
            Sign in
          </Button>
        </Stack>
      </form>
    </main>
  );
}

function refusalOf(error: Error): string {
  if (!(error instanceof ApiError)) return error.message;
  if (error.status === 429) {
    const wait = error.retryAfterSeconds ? ` in ${waitText(error.retryAfterSeconds)}` : ' later';
    return `Too many attempts. Try again${wait}.`;
  }
  return error.status === 401 ? 'The user name or the password is wrong.' : formMessage(error);
}

function waitText(seconds: number): string {
  return seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
