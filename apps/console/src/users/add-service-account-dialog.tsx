import { Button, Group, Modal, Stack, Stepper, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { usersCreate } from '../api/generated/operations.gen.ts';
import type { CreatedTokenDto, UserDto } from '../api/generated/types.gen.ts';
import { fieldErrors, formMessage } from '../notices/form-errors.ts';
import { Notice } from '../notices/notice.tsx';
import { TokenForm } from '../tokens/token-form.tsx';
import { TokenReveal, useRevealGuard } from '../tokens/token-reveal.tsx';
import { type RoleAndTeams, RoleAndTeamsFields } from './role-and-teams-fields.tsx';
import { useUserRefresh } from './user-actions.ts';

/** Makes a service user and then its first token, which is shown once. */
export function AddServiceAccountDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [user, setUser] = useState<UserDto>();
  const [token, setToken] = useState<CreatedTokenDto>();
  const guard = useRevealGuard(token !== undefined, () => {
    setUser(undefined);
    setToken(undefined);
    onClose();
  });
  return (
    <Modal
      opened={opened}
      onClose={guard.close}
      closeOnClickOutside={user === undefined}
      title={token ? 'Your New Token' : 'Add Service Account'}
      size="lg"
    >
      {token ? (
        <TokenReveal token={token} guard={guard} />
      ) : (
        <>
          <Stepper active={user ? 1 : 0} size="sm" mb="lg" aria-label="Steps">
            <Stepper.Step label="Account" description={user?.user_id ?? 'Name, role, teams'} component="div" />
            <Stepper.Step label="First token" component="div" />
          </Stepper>
          {user ? (
            <TokenForm initialType="Service" lockedUser={user} onCreated={setToken} onCancel={guard.close} />
          ) : (
            <AccountForm onCreated={setUser} onCancel={guard.close} />
          )}
        </>
      )}
    </Modal>
  );
}

interface AccountFormProps {
  onCreated: (user: UserDto) => void;
  onCancel: () => void;
}

function AccountForm({ onCreated, onCancel }: AccountFormProps) {
  const refresh = useUserRefresh();
  const form = useForm<RoleAndTeams & { name: string }>({ initialValues: { name: '', role: 'Member', teams: [] } });
  const creation = useMutation({
    mutationFn: (values: typeof form.values) => usersCreate({ body: { ...values, name: values.name.trim() } }),
    onSuccess: ({ data }) => {
      onCreated(data);
      return refresh();
    },
    onError: (error) => form.setErrors(fieldErrors(error)),
  });
  return (
    <form onSubmit={form.onSubmit((values) => creation.mutate(values))} noValidate>
      <Stack gap="md">
        {creation.error && <Notice tone="danger">{formMessage(creation.error)}</Notice>}
        <TextInput label="Name" required maxLength={128} data-autofocus {...form.getInputProps('name')} />
        <RoleAndTeamsFields form={form as never} />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={creation.isPending}>
            Next
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
