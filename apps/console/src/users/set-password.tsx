import { Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { fieldErrors, formMessage } from '../notices/form-errors.ts';
import { Notice } from '../notices/notice.tsx';
import { usePasswordGrant } from './user-actions.ts';
import type { UserDialogContent } from './user-dialogs.tsx';
import { PasswordField } from '../sign-in/password-field.tsx';

/** Gives a person a password to begin with, or leaves signing in to the identity provider. */
export function SetPassword({ user, onClose }: UserDialogContent) {
  const form = useForm({ initialValues: { password: '', isProviderOnly: false } });
  const grant = usePasswordGrant(onClose);
  const submit = ({ password, isProviderOnly }: typeof form.values): void =>
    grant.mutate(
      { user, password: isProviderOnly ? null : password },
      { onError: (error) => form.setErrors(fieldErrors(error)) },
    );
  return (
    <form onSubmit={form.onSubmit(submit)} noValidate>
      <Stack gap="md">
        <Text size="sm">
          All sessions of <strong>{user.name}</strong> end. Tokens go on.
        </Text>
        {grant.error && <Notice tone="danger">{formMessage(grant.error)}</Notice>}
        <Checkbox
          label="Identity provider only"
          description="No password: they sign in with the identity provider."
          {...form.getInputProps('isProviderOnly', { type: 'checkbox' })}
        />
        <PasswordField
          label="Initial password"
          description="12 characters or more, to be changed by whom it is for."
          autoComplete="new-password"
          required={!form.values.isProviderOnly}
          disabled={form.values.isProviderOnly}
          {...form.getInputProps('password')}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={grant.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
