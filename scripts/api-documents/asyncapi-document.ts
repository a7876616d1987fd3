import { EVENT_SUBJECTS, EVENTS_PREFIX, EVENTS_STREAM, type EventType, OUTBOX_PREFIX } from '@portcullis/contracts';
import { exampleOf } from './event-examples.ts';
import { eventSchemas, type Schema } from './event-schemas.ts';

const TYPES = Object.keys(EVENT_SUBJECTS) as EventType[];

/** When each event is published, in a sentence. */
const SUMMARIES: Record<EventType, string> = {
  TokenIssued: 'A token was made.',
  TokenUsed:
    'A token was used: at once for its first use, then once an hour at most, with the count since the last time.',
  TokenRevoked: 'A token was revoked. Deleting a user revokes and deletes each of their active tokens.',
  TokenRestored: 'A revoked token was restored.',
  TokenDeleted: 'A revoked or expired token was deleted.',
  TokenExpired: 'The time of a token has come; published within a minute.',
  UserCreated: 'A user was made, by an Admin or an identity provider.',
  UserUpdated: 'The user_id, name, role or teams of a user changed.',
  UserDeactivated:
    'A user was deactivated: none of their tokens is let in any more, and no event says so of each token.',
  UserReactivated: 'A user was activated again.',
  UserDeleted: 'A user was deleted, after the events about their tokens.',
};

/** The events that Portcullis publishes, as AsyncAPI 3.0. What gateways and token-service tell each other is not among them. */
export function buildAsyncApiDocument(version: string): object {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Portcullis events',
      version,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      tags: [
        { name: 'tokens', description: 'What happens to tokens' },
        { name: 'users', description: 'What happens to users' },
      ],
      externalDocs: { url: 'https://cloudevents.io', description: 'CloudEvents 1.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      nats: {
        host: 'localhost:4222',
        protocol: 'nats',
        description: 'NATS 2.9 or newer, with JetStream. That of `npm start` is in `.portcullis/services.json`.',
        security: [{ $ref: '#/components/securitySchemes/subscriber' }],
      },
    },
    channels: byType(channel),
    operations: byType(operation),
    components: {
      parameters: { feed: FEED },
      messages: byType(message),
      schemas: { StoredHeaders: STORED_HEADERS, LiveHeaders: LIVE_HEADERS, ...eventSchemas() },
      securitySchemes: {
        subscriber: {
          type: 'userPassword',
          description: 'The user `subscriber` of deploy/nats.conf. `npm start` asks for none.',
        },
      },
    },
  };
}

const DESCRIPTION = `Each change of a token or a user is one message: a CloudEvent 1.0 in structured JSON, written in the transaction that made it true.

The JetStream stream \`${EVENTS_STREAM}\` stores them under \`${OUTBOX_PREFIX}.>\` for 30 days and republishes them under \`${EVENTS_PREFIX}.>\`. A durable
consumer of the stream hears everything, also what happened while it was away; a plain subscription hears what happens now.

Delivery is at least once, in the order of commits for any one token or user. Whoever must not act twice keeps the \`id\`.`;

const FEED = {
  enum: [EVENTS_PREFIX, OUTBOX_PREFIX].map((prefix) => prefix.split('.')[1]),
  default: 'events',
  description:
    '`events`: as it happens, to subscribers. `outbox`: what the stream stores, to filter a durable consumer by.',
};

const text = (description: string): Schema => ({ type: 'string', description });
const number = (description: string): Schema => ({ type: 'string', pattern: String.raw`^\d+$`, description });

const STORED = {
  'Nats-Msg-Id': {
    type: 'string',
    format: 'uuid',
    description: 'The id of the event; JetStream drops a repetition within two minutes.',
  },
  'Nats-Expected-Stream': { const: EVENTS_STREAM, description: 'What the relay asked of JetStream when it published.' },
  'Nats-Expected-Last-Sequence': number('The same: nothing may have come in between.'),
  'Nats-Expected-Last-Msg-Id': text('The same, for all but the first message of a batch.'),
};
const STORED_HEADERS = {
  type: 'object',
  description: 'Of a message that a consumer of the stream is given.',
  additionalProperties: false,
  required: ['Nats-Msg-Id'],
  properties: STORED,
};
const LIVE_HEADERS = {
  type: 'object',
  description: 'Of a message that the stream has republished.',
  additionalProperties: false,
  required: ['Nats-Msg-Id', 'Nats-Stream', 'Nats-Subject', 'Nats-Sequence', 'Nats-Last-Sequence'],
  properties: {
    ...STORED,
    'Nats-Stream': { const: EVENTS_STREAM },
    'Nats-Subject': text('Where the stream stored it, under `portcullis.outbox.`.'),
    'Nats-Sequence': number('Its place in the stream.'),
    'Nats-Last-Sequence': number('The place of the message before it on the same subject; 0: there is none.'),
  },
};

function byType(describe: (type: EventType) => object): Record<string, object> {
  return Object.fromEntries(TYPES.map((type) => [type, describe(type)]));
}

function channel(type: EventType): object {
  return {
    address: `portcullis.{feed}.${EVENT_SUBJECTS[type]}`,
    title: type,
    summary: SUMMARIES[type],
    parameters: { feed: { $ref: '#/components/parameters/feed' } },
    messages: { [type]: { $ref: `#/components/messages/${type}` } },
  };
}

function operation(type: EventType): object {
  return {
    action: 'send',
    channel: { $ref: `#/channels/${type}` },
    title: type,
    summary: SUMMARIES[type],
    messages: [{ $ref: `#/channels/${type}/messages/${type}` }],
  };
}

function message(type: EventType): object {
  const example = exampleOf(type);
  return {
    name: type,
    title: type,
    summary: SUMMARIES[type],
    contentType: 'application/json',
    headers: { oneOf: ['StoredHeaders', 'LiveHeaders'].map((name) => ({ $ref: `#/components/schemas/${name}` })) },
    payload: { $ref: `#/components/schemas/${type}` },
    examples: [{ name: type, headers: { 'Nats-Msg-Id': example.id }, payload: example }],
  };
}
