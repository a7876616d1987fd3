import type { Role, TokenType, UserType } from '../roles.js';

export const EVENTS_STREAM = 'PORTCULLIS_EVENTS';
/** Where the relay publishes and the stream stores. Durable consumers filter on these. */
export const OUTBOX_PREFIX = 'portcullis.outbox';
/** Where the stream republishes. Live subscribers listen here. */
export const EVENTS_PREFIX = 'portcullis.events';

/** Each event type and the end of its subject. */
export const EVENT_SUBJECTS = {
  TokenIssued: 'token.issued',
  TokenUsed: 'token.used',
  TokenRevoked: 'token.revoked',
  TokenRestored: 'token.restored',
  TokenDeleted: 'token.deleted',
  TokenExpired: 'token.expired',
  UserCreated: 'user.created',
  UserUpdated: 'user.updated',
  UserDeactivated: 'user.deactivated',
  UserReactivated: 'user.reactivated',
  UserDeleted: 'user.deleted',
} as const;
export type EventType = keyof typeof EVENT_SUBJECTS;

export const EVENT_SOURCE = '/portcullis/token-service';

/** What somebody did it with, when it was no token: a signed-in session, SCIM, the admin command line; or Portcullis itself. */
export const ACTOR_CREDENTIALS = ['session', 'scim', 'command_line', 'system'] as const;

/** Who did it, and with what: a token by its id, or one of {@link ACTOR_CREDENTIALS}. */
export interface EventActor {
  user_id: string | null;
  token_id: number | (typeof ACTOR_CREDENTIALS)[number];
}

/** What events say of a token: never the token, its hash or its hint. */
export interface EventToken {
  id: number;
  name: string;
  type: TokenType;
  scim: boolean;
  user: { id: number; user_id: string; user_type: UserType };
  expiration: string | null;
  created_at: string;
}

export interface EventUser {
  id: number;
  user_id: string;
  user_type: UserType;
  name: string;
  role: Role;
  teams: string[];
  active: boolean;
}

export const REVOKE_REASONS = ['requested', 'cascade', 'user_deleted', 'key_retired'] as const;
export type RevokeReason = (typeof REVOKE_REASONS)[number];

interface EventDataByType {
  TokenIssued: { token: EventToken; actor: EventActor };
  TokenUsed: { token: EventToken; count: number; last_used: string; ip: string; gateway: string };
  TokenRevoked: { token: EventToken; actor: EventActor; reason: RevokeReason };
  TokenRestored: { token: EventToken; actor: EventActor };
  TokenDeleted: { token: EventToken; actor: EventActor };
  TokenExpired: { token: EventToken; actor: EventActor };
  UserCreated: { user: EventUser; actor: EventActor };
  UserUpdated: { user: EventUser; actor: EventActor; changed: string[] };
  UserDeactivated: { user: EventUser; actor: EventActor; changed: string[] };
  UserReactivated: { user: EventUser; actor: EventActor; changed: string[] };
  UserDeleted: { user: EventUser; actor: EventActor };
}

/** What an event of type `T` carries, without the envelope. */
export type EventData<T extends EventType> = EventDataByType[T];

/** CloudEvents 1.0, structured JSON. `data.event` repeats the envelope for handlers that are given only `data`. */
export interface PortcullisEvent<T extends EventType = EventType> {
  specversion: '1.0';
  id: string;
  source: typeof EVENT_SOURCE;
  type: T;
  /** `token/456` or `user/123`. */
  subject: string;
  time: string;
  datacontenttype: 'application/json';
  /** The number in the access ledger, on events that change access. */
  accessseq?: number;
  /** Where the change was traced (CloudEvents' extension for distributed tracing). */
  traceparent?: string;
  data: EventData<T> & { event: { id: string; type: T; time: string } };
}
