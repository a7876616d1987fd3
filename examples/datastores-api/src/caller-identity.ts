/** Who calls, as the gateway tells it in headers. A caller can't forge them: the gateway drops any that come in. */
export interface CallerIdentity {
  user_id: string | null;
  user: string | null;
  user_type: string | null;
  role: string | null;
  teams: string | null;
  token_id: string | null;
  request_id: string | null;
}

/** Reads the identity headers; `null` for those that are absent, as when the gateway is bypassed. */
export function readIdentity(headers: Record<string, string | string[] | undefined>): CallerIdentity {
  const header = (name: string): string | null => headers[name]?.toString() ?? null;
  return {
    user_id: header('x-auth-user-id'),
    user: header('x-auth-user'),
    user_type: header('x-auth-user-type'),
    role: header('x-auth-role'),
    teams: header('x-auth-teams'),
    token_id: header('x-auth-token-id'),
    request_id: header('x-request-id'),
  };
}
