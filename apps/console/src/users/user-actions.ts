import { useMutation, useQueryClient } from '@tanstack/react-query';
import { usersDelete, passwordChange, usersUpdate } from '../api/generated/operations.gen.ts';
import type { UpdateUserDto, UserDto } from '../api/generated/types.gen.ts';
import { toastDone, toastFailed } from '../notices/toasts.tsx';
import { TOKENS_KEY } from '../tokens/token-queries.ts';
import { USERS_KEY } from './user-queries.ts';

/** Reads again what depends on the users once one has changed. */
export function useUserRefresh(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await Promise.all([USERS_KEY, TOKENS_KEY].map((key) => client.invalidateQueries({ queryKey: [key] })));
  };
}

interface UserChange {
  user: UserDto;
  body: UpdateUserDto;
}

/** Changes role, teams or whether someone is active. `done` is what to say then. */
export function useUserUpdate(done: (change: UserChange) => string, onDone: () => void) {
  const refresh = useUserRefresh();
  return useMutation({
    mutationFn: ({ user, body }: UserChange) => usersUpdate({ path: { id: user.id }, body }),
    onSuccess: ({ receipt }, change) => {
      toastDone(done(change), receipt);
      onDone();
      return refresh();
    },
  });
}

/** Lets someone in again, at once: it takes nothing away. */
export function useActivation() {
  const refresh = useUserRefresh();
  return useMutation({
    mutationFn: (user: UserDto) => usersUpdate({ path: { id: user.id }, body: { active: true } }),
    onSuccess: ({ receipt }, user) => {
      toastDone(`${user.name} is active again`, receipt);
      return refresh();
    },
    onError: (error, user) => toastFailed(`${user.name} could not be activated`, error),
  });
}

/** Deletes someone and all of their tokens. */
export function useUserDeletion(onDone: () => void) {
  const refresh = useUserRefresh();
  return useMutation({
    mutationFn: (user: UserDto) => usersDelete({ path: { id: user.id } }),
    onSuccess: ({ receipt }, user) => {
      toastDone(`${user.name} has been deleted`, receipt);
      onDone();
      return refresh();
    },
  });
}

/** Gives a person a password to begin with; `null`: they sign in with the identity provider only. */
export function usePasswordGrant(onDone: () => void) {
  const refresh = useUserRefresh();
  return useMutation({
    mutationFn: ({ user, password }: { user: UserDto; password: string | null }) =>
      passwordChange({ path: { id: user.id }, body: { password } }),
    onSuccess: (_, { user, password }) => {
      toastDone(password === null ? `${user.name} has no password any more` : `${user.name} has a new password`);
      onDone();
      return refresh();
    },
  });
}
