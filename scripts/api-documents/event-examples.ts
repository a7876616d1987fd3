import {
  EVENT_SOURCE,
  type EventData,
  type EventToken,
  type EventType,
  type EventUser,
  type PortcullisEvent,
} from '@portcullis/contracts';

const TIME = '2026-11-21T12:34:56.789Z';

const token: EventToken = {
  id: 456,
  name: 'api-production',
  type: 'Service',
  scim: false,
  user: { id: 123, user_id: 'api_access@service', user_type: 'Service' },
  expiration: '2027-11-21T12:34:56Z',
  created_at: '2026-11-21T12:34:56Z',
};
const user: EventUser = {
  id: 123,
  user_id: 'api_access@service',
  user_type: 'Service',
  name: 'API Access',
  role: 'Editor',
  teams: ['Public', 'Data Engineering'],
  active: true,
};
const actor = { user_id: 'admin', token_id: 1 };

/** What each event carries, about the token and the user of the API's own examples. */
const DATA: { [T in EventType]: EventData<T> } = {
  TokenIssued: { token, actor: { user_id: 'admin', token_id: 'session' } },
  TokenUsed: { token, count: 128, last_used: '2026-11-21T12:34:56Z', ip: '203.0.113.9', gateway: 'gw-1' },
  TokenRevoked: { token, actor, reason: 'requested' },
  TokenRestored: { token, actor },
  TokenDeleted: { token, actor },
  TokenExpired: { token, actor: { user_id: null, token_id: 'system' } },
  UserCreated: { user, actor },
  UserUpdated: { user: { ...user, role: 'Member' }, actor, changed: ['role'] },
  UserDeactivated: { user: { ...user, active: false }, actor, changed: ['active'] },
  UserReactivated: { user, actor, changed: ['active'] },
  UserDeleted: { user, actor },
};
const ACCESS_SEQ: Partial<Record<EventType, number>> = {
  TokenRevoked: 1042,
  TokenRestored: 1043,
  TokenDeleted: 1045,
  UserCreated: 1040,
  UserUpdated: 1046,
  UserDeactivated: 1047,
  UserReactivated: 1048,
  UserDeleted: 1049,
};

/** An event of this type as a subscriber gets it. */
export function exampleOf<T extends EventType>(type: T): PortcullisEvent<T> {
  const id = `0e8f6b1c-5d2a-4c3e-9b7f-${String(Object.keys(DATA).indexOf(type) + 1).padStart(12, '0')}`;
  const accessseq = ACCESS_SEQ[type];
  return {
    specversion: '1.0',
    id,
    source: EVENT_SOURCE,
    type,
    subject: type.startsWith('Token') ? `token/${token.id}` : `user/${user.id}`,
    time: TIME,
    datacontenttype: 'application/json',
    ...(accessseq !== undefined && { accessseq }),
    data: { ...DATA[type], event: { id, type, time: TIME } },
  };
}
