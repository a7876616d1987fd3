import type { EventActor, Role, UserType } from '@portcullis/contracts';

/** Who does something, with what, and from where: for the audit trail and the events. */
export interface Actor {
  /** null: Portcullis itself. */
  userId: number | null;
  user_id: string | null;
  userType: UserType | null;
  role: Role;
  /** The id of the token that was shown, or the kind of credential it was. */
  credential: number | 'session' | 'scim' | 'command_line' | 'system';
  address: string | null;
  requestId: string | null;
}

/** Portcullis itself: the first start, the clock. It may do anything. */
export const SYSTEM_ACTOR: Actor = {
  userId: null,
  user_id: null,
  userType: null,
  role: 'Admin',
  credential: 'system',
  address: null,
  requestId: null,
};

/** Whoever runs the admin command line: it works with the keys of the installation, and knows nobody by name. */
export const COMMAND_LINE_ACTOR: Actor = { ...SYSTEM_ACTOR, credential: 'command_line' };

export function eventActor({ user_id, credential }: Actor): EventActor {
  return { user_id, token_id: credential };
}
