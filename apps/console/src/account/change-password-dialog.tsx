import { Button, Group, Modal, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation } from '@tanstack/react-query';
import { passwordChange } from '../api/generated/operations.gen.ts';
import { fieldErrors, formMessage } from '../notices/form-errors.ts';
import { Notice } from '../notices/notice.tsx';
import { toastDone } from '../notices/toasts.tsx';
import { useCurrentUser } from '../sign-in/session.ts';
import { PasswordField } from '../sign-in/password-field.tsx';

interface ChangePasswordDialogProps {
  opened: boolean;
  onClose: () => void;
}

/** Change of one's own password, with the old one. */
export function ChangePasswordDialog({ opened, onClose }: ChangePasswordDialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title="Change password">
      <ChangePasswordForm onDone={onClose} />
    </Modal>
  );
}

function ChangePasswordForm({ onDone }: { onDone: () => void }) {
  const { id } = useCurrentUser();
  const form = useForm({ initialValues: { current_password: '', password: '' } });
  const change = useMutation({
    mutationFn: (values: typeof form.values) => passwordChange({ path: { id }, body: values }),
    onSuccess: () => {
      toastDone('The password has been changed', undefined, 'Your other sessions have ended');
      onDone();
    },
    onError: (error) => form.setErrors(fieldErrors(error)),
  });
  return (
    <form onSubmit={form.onSubmit((values) => change.mutate(values))} noValidate>
      <Stack gap="md">
        {change.error && <Notice tone="danger">{formMessage(change.error)}</Notice>}
        <PasswordField
          label="Current password"
          autoComplete="current-password"
          data-autofocus
          {...form.getInputProps('current_password')}
        />
        <PasswordField
          label="New password"
          description="12 characters or more; a few words that nobody else would put together do well."
          autoComplete="new-password"
          {...form.getInputProps('password')}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={change.isPending}>
            Change password
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
