import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { auditFindAll } from '../api/generated/operations.gen.ts';
import type { AuditFindAllData } from '../api/generated/types.gen.ts';

export type AuditQuery = NonNullable<AuditFindAllData['query']>;

export const AUDIT_PAGE_SIZE = 50;

/** What can be chosen: what was done to tokens, to users, and so on, and what was refused. */
export const AUDIT_ACTIONS = [
  { value: '', label: 'Everything' },
  { value: 'token.*', label: 'Tokens' },
  { value: 'token.refused', label: 'Refused tokens' },
  { value: 'user.*', label: 'Users' },
  { value: 'team.*', label: 'Teams' },
  { value: 'session.*', label: 'Sign-ins' },
  { value: 'session.refused', label: 'Refused sign-ins' },
  { value: 'key.*', label: 'Signing keys' },
] as const;

/** One page of the audit trail, the newest first. The page before stays until the next is there. */
export function useAudit(query: AuditQuery) {
  return useQuery({
    queryKey: ['audit', query],
    queryFn: async ({ signal }) => (await auditFindAll({ query, signal })).data,
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
}
