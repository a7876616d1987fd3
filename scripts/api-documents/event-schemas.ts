import {
  ACTOR_CREDENTIALS,
  EVENT_SOURCE,
  type EventData,
  type EventType,
  REVOKE_REASONS,
  ROLES,
  TOKEN_TYPES,
  USER_TYPES,
} from '@portcullis/contracts';

/** A JSON Schema of draft 7, which is what AsyncAPI's own schemas are made of. */
export type Schema = Record<string, unknown>;

const schemaRef = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const description = (text: string, schema: Schema): Schema => ({ ...schema, description: text });

/** An object that has all of these members, but for those that are optional, and no others. */
function record(properties: Record<string, Schema>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', additionalProperties: false, required, properties };
}

const id = { type: 'integer', minimum: 1 };
const seconds = { type: 'string', format: 'date-time', pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$` };
const milliseconds = { type: 'string', format: 'date-time', pattern: String.raw`T\d\d:\d\d:\d\d\.\d{3}Z$` };
const uuid = { type: 'string', format: 'uuid' };
const changed = {
  type: 'array',
  minItems: 1,
  uniqueItems: true,
  items: { enum: ['user_id', 'name', 'role', 'teams', 'active'] },
};

/** What several events speak of. */
const ENTITIES: Record<string, Schema> = {
  Token: description('Never the token itself, its hash or its hint.', {
    ...record({
      id,
      name: { type: 'string' },
      type: { enum: TOKEN_TYPES },
      scim: description('Opens SCIM and nothing else.', { type: 'boolean' }),
      user: record({ id, user_id: { type: 'string' }, user_type: { enum: USER_TYPES } }),
      expiration: description('null: never.', { ...seconds, type: ['string', 'null'] }),
      created_at: seconds,
    }),
  }),
  User: record({
    id: description('Never changes.', id),
    user_id: description('What they are called; a person’s follows a rename.', { type: 'string' }),
    user_type: { enum: USER_TYPES },
    name: { type: 'string' },
    role: { enum: ROLES },
    teams: description('By name; everyone is in Public.', { type: 'array', items: { type: 'string' } }),
    active: { type: 'boolean' },
  }),
  Actor: description('Who did it, and with what.', {
    ...record({
      user_id: description('null: Portcullis itself, or the admin command line.', { type: ['string', 'null'] }),
      token_id: description('The token that was used, or what it was done with instead.', {
        oneOf: [id, { enum: ACTOR_CREDENTIALS }],
      }),
    }),
  }),
};

const token = schemaRef('Token');
const user = schemaRef('User');
const actor = schemaRef('Actor');

/** The members of `data`, for each type; the compiler sees to it that they are those of the contract. */
const DATA: { [T in EventType]: Record<keyof EventData<T>, Schema> } = {
  TokenIssued: { token, actor },
  TokenUsed: {
    token,
    count: description('Uses since the last event of this type about this token.', { type: 'integer', minimum: 1 }),
    last_used: seconds,
    ip: description('Where it was last used from.', { type: 'string' }),
    gateway: description('Which gateway admitted it; `token-service` when it came directly.', { type: 'string' }),
  },
  TokenRevoked: { token, actor, reason: { enum: REVOKE_REASONS } },
  TokenRestored: { token, actor },
  TokenDeleted: { token, actor },
  TokenExpired: { token, actor },
  UserCreated: { user, actor },
  UserUpdated: { user, actor, changed },
  UserDeactivated: { user, actor, changed },
  UserReactivated: { user, actor, changed },
  UserDeleted: { user, actor },
};

/** These leave access as it is, so they have no number in the access ledger. */
const CHANGES_NO_ACCESS: readonly EventType[] = ['TokenIssued', 'TokenUsed', 'TokenExpired'];

/** The schemas of all events, and of what they have in common. */
export function eventSchemas(): Record<string, Schema> {
  const events = (Object.keys(DATA) as EventType[]).map((type) => [type, eventSchema(type)]);
  return { ...ENTITIES, ...(Object.fromEntries(events) as Record<string, Schema>) };
}

/** CloudEvents 1.0, structured JSON. */
function eventSchema(type: EventType): Schema {
  const about = type.startsWith('Token') ? 'token' : 'user';
  const accessseq = description('The number of this change in the access ledger: GET /api/access/{seq}.', id);
  return record({
    specversion: { const: '1.0' },
    id: description('Of the event: keep it to recognise a repetition.', uuid),
    source: { const: EVENT_SOURCE },
    type: { const: type },
    subject: description('What it is about.', { type: 'string', pattern: `^${about}/[1-9]\\d*$` }),
    time: description('When it was committed.', milliseconds),
    datacontenttype: { const: 'application/json' },
    ...(!CHANGES_NO_ACCESS.includes(type) && { accessseq }),
    data: record({
      ...DATA[type],
      event: description('The envelope once more, for handlers that are given only `data`.', {
        ...record({ id: uuid, type: { const: type }, time: milliseconds }),
      }),
    }),
  });
}
