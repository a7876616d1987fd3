import { type QueryClient, useMutation, useQueryClient } from '@tanstack/react-query';
import { tokensDelete, tokensUpdate } from '../api/generated/operations.gen.ts';
import type { PageOfTokenDto, TokenDto } from '../api/generated/types.gen.ts';
import { toastDone, toastFailed } from '../notices/toasts.tsx';
import { TOKENS_KEY } from './token-queries.ts';

/** Revokes a token, or restores it. The row changes with the answer, without waiting for the list to be read again. */
export function useTokenRevocation() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ token, revoke }: { token: TokenDto; revoke: boolean }) =>
      tokensUpdate({ path: { id: token.id }, body: { revoke } }),
    onSuccess: ({ data: { receipt, children, ...token } }, { revoke }) => {
      showChanged(client, token);
      const made = children
        ? `${children} active ${children === 1 ? 'token was' : 'tokens were'} made with it`
        : undefined;
      toastDone(`The token has been successfully ${revoke ? 'revoked' : 'restored'}`, receipt, made);
    },
    onError: (error, { revoke }) => toastFailed(`The token could not be ${revoke ? 'revoked' : 'restored'}`, error),
    onSettled: () => client.invalidateQueries({ queryKey: [TOKENS_KEY] }),
  });
}

/** Deletes a token that is revoked or expired. */
export function useTokenDeletion(onDeleted: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (token: TokenDto) => tokensDelete({ path: { id: token.id } }),
    onSuccess: ({ receipt }, token) => {
      client.removeQueries({ queryKey: [TOKENS_KEY, 'one', token.id] });
      toastDone('User token successfully deleted', receipt);
      onDeleted();
      return client.invalidateQueries({ queryKey: [TOKENS_KEY, 'list'] });
    },
  });
}

function showChanged(client: QueryClient, token: TokenDto): void {
  client.setQueryData([TOKENS_KEY, 'one', token.id], token);
  client.setQueriesData<PageOfTokenDto>(
    { queryKey: [TOKENS_KEY, 'list'] },
    (page) => page && { ...page, items: page.items.map((each) => (each.id === token.id ? token : each)) },
  );
}
