import { Button, Group, Stack, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { fieldErrors, formMessage } from '../notices/form-errors.ts';
import { Notice } from '../notices/notice.tsx';
import { type RoleAndTeams, RoleAndTeamsFields } from './role-and-teams-fields.tsx';
import { useUserUpdate } from './user-actions.ts';
import type { UserDialogContent } from './user-dialogs.tsx';
import { EVERYONES_TEAM } from './user-queries.ts';

/** Changes someone's role and teams. */
export function EditUser({ user, onClose }: UserDialogContent) {
  const teams = user.teams.filter((team) => team !== EVERYONES_TEAM);
  const form = useForm<RoleAndTeams>({ initialValues: { role: user.role, teams } });
  const update = useUserUpdate(() => `${user.name} has been changed`, onClose);
  const submit = (body: RoleAndTeams): void =>
    update.mutate({ user, body }, { onError: (error) => form.setErrors(fieldErrors(error)) });
  return (
    <form onSubmit={form.onSubmit(submit)} noValidate>
      <Stack gap="md">
        <Text size="sm">
          <strong>{user.name}</strong> ({user.user_id})
        </Text>
        {update.error && <Notice tone="danger">{formMessage(update.error)}</Notice>}
        <RoleAndTeamsFields form={form} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={update.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
