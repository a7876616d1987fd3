import { Button, Checkbox, Group, Select, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { tokensCreate } from '../api/generated/operations.gen.ts';
import type { CreatedTokenDto, TokenUserDto } from '../api/generated/types.gen.ts';
import { fieldErrors, formMessage } from '../notices/form-errors.ts';
import { Notice } from '../notices/notice.tsx';
import { useCurrentUser } from '../sign-in/session.ts';
import { ServiceUserSelect } from './service-user-select.tsx';
import { TOKENS_KEY } from './token-queries.ts';
import type { TokenType } from './token.ts';

const EXPIRATIONS = [
  { value: '30', label: '30 Days' },
  { value: '60', label: '60 Days' },
  { value: '90', label: '90 Days' },
  { value: '365', label: '1 Year' },
  { value: 'never', label: 'Never' },
];

interface TokenFormProps {
  initialType: TokenType;
  /** The service user that the token is for, when that is settled. */
  lockedUser?: TokenUserDto;
  onCreated: (token: CreatedTokenDto) => void;
  onCancel: () => void;
}

/** What a new token is to be. */
export function TokenForm({ initialType, lockedUser, onCreated, onCancel }: TokenFormProps) {
  const { isAdmin } = useCurrentUser();
  const client = useQueryClient();
  const form = useForm({
    initialValues: {
      name: '',
      type: lockedUser ? 'Service' : isAdmin ? initialType : ('Personal' as TokenType),
      user_id: lockedUser ? String(lockedUser.id) : (null as string | null),
      expiration: '90',
      scim: false,
    },
    validate: {
      name: (value) => (value.trim() === '' ? 'Give it a name' : null),
      user_id: (value, { type }) => (type === 'Service' && value === null ? 'Choose a service user' : null),
    },
  });
  const creation = useMutation({
    mutationFn: ({ name, type, user_id, expiration, scim }: typeof form.values) =>
      tokensCreate({
        body: {
          name: name.trim(),
          expires_in_days: expiration === 'never' ? null : Number(expiration),
          ...(type === 'Service' && { user_id: Number(user_id) }),
          ...(scim && { scim }),
        },
      }),
    onSuccess: ({ data }) => {
      onCreated(data);
      return client.invalidateQueries({ queryKey: [TOKENS_KEY, 'list'] });
    },
    onError: (error) => form.setErrors(fieldErrors(error, { expires_in_days: 'expiration' })),
  });
  const { type, expiration } = form.values;

  return (
    <form onSubmit={form.onSubmit((values) => creation.mutate(values))} noValidate>
      <Stack gap="md">
        {creation.error && <Notice tone="danger">{formMessage(creation.error)}</Notice>}
        <TextInput
          label="Name"
          description="What it is used for, such as the program and where it runs."
          required
          maxLength={128}
          data-autofocus
          // As the second step of a dialog that is open already, where the button that had the focus is gone.
          autoFocus={lockedUser !== undefined}
          {...form.getInputProps('name')}
        />
        <Select
          label="Type"
          required
          data={isAdmin ? ['Personal', 'Service'] : ['Personal']}
          disabled={lockedUser !== undefined}
          {...form.getInputProps('type')}
        />
        {type === 'Service' && <ServiceUserSelect lockedUser={lockedUser} {...form.getInputProps('user_id')} />}
        <Select label="Expiration" required data={EXPIRATIONS} {...form.getInputProps('expiration')} />
        {expiration === 'never' && (
          <Notice tone="warning" role="status">
            Tokens that never expire are a security risk: one that leaks stays good until somebody notices and revokes
            it.
          </Notice>
        )}
        {isAdmin && (
          <Checkbox
            label="SCIM Administration Token"
            description="Opens the SCIM provisioning API (/scim/v2) and nothing else."
            {...form.getInputProps('scim', { type: 'checkbox' })}
          />
        )}
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={creation.isPending}>
            Generate
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
