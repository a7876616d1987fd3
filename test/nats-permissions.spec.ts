import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection, PermissionViolationError } from '@nats-io/transport-node';
import { EVENTS_STREAM, type PortcullisEvent, USAGE_STREAM } from '@portcullis/contracts';
import { natsServerOptions } from '@portcullis/messaging';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../scripts/stack/free-port.ts';
import { ensureNatsServer } from '../scripts/stack/nats-server-binary.ts';
import { startProcess } from '../scripts/stack/processes.ts';
import { ComposedStack, START_TIMEOUT_MS } from './harness/composed-stack.ts';
import { makeServiceToken } from './harness/fixtures.ts';
import type { HttpClient, Json } from './harness/http-client.ts';
import { waitUntil } from './harness/wait-until.ts';

/** With deploy/nats.conf on three servers, and the apps as docker-compose.yml has them. */
let stack: ComposedStack;
const opened: NatsConnection[] = [];
beforeAll(async () => {
  stack = await ComposedStack.start();
}, START_TIMEOUT_MS);
afterEach(async () => {
  await Promise.all(opened.splice(0).map((connection) => connection.close()));
});
afterAll(() => stack?.stop());

type User = 'token-service' | 'gateway' | 'subscriber' | 'operator';
const admin = (): HttpClient => stack.client('gateway-1', stack.adminToken);

async function connectAs(user: User): Promise<NatsConnection> {
  const url = await stack.secret(`${user.replace('-', '_')}_nats_url`);
  const files = { caFile: join(stack.certificates('nats'), 'ca.crt') };
  const connection = await connect({ ...natsServerOptions(url, files), reconnect: false });
  opened.push(connection);
  return connection;
}

/** @returns those of the subjects that the server takes */
async function taken(user: User, operation: 'publish' | 'subscription', subjects: string[]): Promise<string[]> {
  const connection = await connectAs(user);
  const refused: string[] = [];
  const ended = (async () => {
    for await (const status of connection.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue;
      if (status.error.operation === operation) refused.push(status.error.subject);
    }
  })();
  for (const subject of subjects) {
    if (operation === 'publish') connection.publish(subject, 'nothing that anyone acts on');
    else connection.subscribe(subject, { callback: () => undefined });
  }
  await connection.flush(); // the server answers in order: what it refuses comes before this
  await connection.close();
  await ended;
  return subjects.filter((subject) => !refused.includes(subject));
}

const CHANGES_OF_ACCESS = ['portcullis.access'];
const EVENTS = ['portcullis.outbox.token.1', 'portcullis.events.token.1'];
const ACKS = ['portcullis.gateways.ack'];
const USAGE = ['portcullis.usage.gateway-1'];
const JETSTREAM = [
  '$JS.API.STREAM.CREATE.MINE',
  `$JS.API.STREAM.UPDATE.${EVENTS_STREAM}`,
  `$JS.API.STREAM.DELETE.${EVENTS_STREAM}`,
  `$JS.API.STREAM.PURGE.${USAGE_STREAM}`,
  `$JS.API.STREAM.MSG.DELETE.${EVENTS_STREAM}`,
  `$JS.API.STREAM.MSG.GET.${USAGE_STREAM}`,
  `$JS.API.CONSUMER.CREATE.${EVENTS_STREAM}`,
  `$JS.API.CONSUMER.CREATE.${EVENTS_STREAM}.mine`,
  `$JS.API.CONSUMER.DURABLE.CREATE.${EVENTS_STREAM}.mine`,
  `$JS.API.CONSUMER.DELETE.${EVENTS_STREAM}.theirs`,
  `$JS.API.CONSUMER.MSG.NEXT.${USAGE_STREAM}.token-service`,
  `$JS.ACK.${USAGE_STREAM}.token-service.1.1.1.1.0`,
  '$SYS.REQ.SERVER.PING',
];
const OTHERS = ['portcullis.anything', 'somewhere.else'];
const ALL = [...CHANGES_OF_ACCESS, ...EVENTS, ...ACKS, ...USAGE, ...JETSTREAM, ...OTHERS];

describe('on NATS as deploy/nats.conf has it', () => {
  it.each([
    ['gateway', [...ACKS, ...USAGE]],
    ['subscriber', []],
  ] as [User, string[]][])(
    'the user %s publishes %j and nothing else, be it events, changes or streams',
    async (user, may) => {
      expect(await taken(user, 'publish', ALL)).toEqual(may);
    },
  );

  it('even who makes consumers publishes nothing under portcullis.', async () => {
    const portcullis = ALL.filter((subject) => subject.startsWith('portcullis.'));
    expect(await taken('operator', 'publish', portcullis)).toEqual([]);
  });

  it('a token-service publishes no acks and no usage in place of a gateway, nor events past the stream', async () => {
    expect(await taken('token-service', 'publish', [...ACKS, ...USAGE, 'portcullis.events.token.1'])).toEqual([]);
  });

  it.each([
    ['gateway', ['portcullis.access']],
    ['subscriber', ['portcullis.events.>', '_INBOX.>']],
    ['operator', ['_INBOX.>']],
    ['token-service', ['portcullis.gateways.ack', 'portcullis.events.>']],
  ] as [User, string[]][])('the user %s hears %j and nothing else', async (user, may) => {
    const own = [
      'portcullis.access',
      'portcullis.gateways.ack',
      'portcullis.events.>',
      'portcullis.outbox.>',
      'portcullis.usage.>',
    ];
    const wide = ['>', 'portcullis.>', '$JS.>', '_INBOX.>', '_INBOX.token-service.>', '_INBOX.gateway.x'].filter(
      (subject) => !subject.startsWith(`_INBOX.${user}.`),
    );
    expect(await taken(user, 'subscription', [...own, ...wide])).toEqual(may);
  });

  it('nobody is let in without a user and the right password', async () => {
    const options = natsServerOptions(await stack.secret('gateway_nats_url'), {
      caFile: join(stack.certificates('nats'), 'ca.crt'),
    });
    const { user, pass, ...anonymous } = options;
    await expect(connect({ ...anonymous, reconnect: false })).rejects.toThrow(/authorization/i);
    await expect(connect({ ...anonymous, user: user!, pass: `${pass!}x`, reconnect: false })).rejects.toThrow(
      /authorization/i,
    );
  });

  it('no server joins the cluster without a certificate of its authority', async () => {
    const stranger = await stack.strangersCertificates();
    const tls = { cert_file: join(stranger, 'nats/tls.crt'), key_file: join(stranger, 'nats/tls.key'), verify: false };
    const home = join(stranger, 'server');
    await mkdir(home);
    const monitorPort = await freePort();
    const configuration = {
      server_name: 'stranger',
      listen: `127.0.0.1:${await freePort()}`,
      http: `127.0.0.1:${monitorPort}`,
      cluster: {
        name: 'portcullis',
        listen: `127.0.0.1:${await freePort()}`,
        routes: [`nats-route://localhost:${stack.port('nats-1:6222')}`],
        tls: { ...tls, ca_file: join(stack.certificates('nats'), 'ca.crt') },
      },
    };
    await writeFile(join(home, 'nats.conf'), JSON.stringify(configuration));
    const args = ['--config', join(home, 'nats.conf')];
    const server = await startProcess({
      name: 'stranger',
      command: await ensureNatsServer(),
      args,
      log: () => undefined,
    });
    try {
      await waitUntil('it is turned away', () => /TLS route handshake error/i.test(stack.log('nats-1')));
      const response = await fetch(`http://127.0.0.1:${monitorPort}/routez`);
      expect(await response.json()).toMatchObject({ num_routes: 0 });
    } finally {
      await server.stop();
    }
  });
});

describe('with these users', () => {
  it('the apps do all that they do, on streams with three copies, and are refused nothing', async () => {
    const listener = await connectAs('subscriber');
    const answers: string[] = [];
    listener.subscribe('_INBOX.>', { callback: (_error, { subject }) => void answers.push(subject) });
    await listener.flush();

    const { id, bearer_token } = await makeServiceToken(admin());
    expect((await stack.client('gateway-2', bearer_token).get('/api/datastores')).status).toBe(200);
    await waitUntil('its use was counted', async () => (await admin().get(`/api/user-tokens/${id}`)).body.last_used);
    const revoked = await admin().put(`/api/user-tokens/${id}`, { revoke: true });
    expect(revoked.body.receipt.confirmed.toSorted()).toEqual(['gateway-1', 'gateway-2']);

    const manager = await jetstreamManager(await connectAs('operator'), { checkAPI: false });
    for (const stream of [EVENTS_STREAM, USAGE_STREAM]) {
      expect((await manager.streams.info(stream)).config.num_replicas).toBe(3);
    }
    const apps = ['token-service-1', 'token-service-2', 'gateway-1', 'gateway-2'];
    expect(apps.filter((app) => /permissions? violation/i.test(stack.log(app)))).toEqual([]);
    expect(answers.filter((subject) => /^_INBOX\.(token-service|gateway|operator)/.test(subject))).toEqual([]);
  });

  it('the admin command line sees all of it, with the settings of a token-service', async () => {
    const since = new Date().toISOString();
    const { id } = await makeServiceToken(admin());
    const doctor = await stack.adminCommand('token-service-1', 'doctor');
    expect(doctor.findings.filter(({ verdict }: Json) => verdict !== 'ok')).toEqual([]);
    await waitUntil('the event is listed', async () => {
      const { events } = await stack.adminCommand('token-service-1', 'events', 'list', '--since', since);
      return events.some(({ type, subject }: Json) => type === 'TokenIssued' && subject === `token/${id}`);
    });
  });

  it('a subscriber hears events live, and reads those that it missed by a durable consumer that an operator made', async () => {
    const subscriber = await connectAs('subscriber');
    const live: PortcullisEvent[] = [];
    subscriber.subscribe('portcullis.events.>', { callback: (_error, message) => void live.push(message.json()) });
    await subscriber.flush();
    const manager = await jetstreamManager(await connectAs('operator'), { checkAPI: false });
    await manager.consumers.add(EVENTS_STREAM, {
      durable_name: 'billing',
      filter_subject: 'portcullis.outbox.>',
      ack_policy: AckPolicy.Explicit,
    });

    const { id } = await makeServiceToken(admin());
    const isIt = (event: PortcullisEvent): boolean => event.type === 'TokenIssued' && event.subject === `token/${id}`;
    await waitUntil('it is heard live', () => live.some(isIt));

    const consumer = await jetstream(subscriber).consumers.get(EVENTS_STREAM, 'billing');
    const messages = await consumer.consume();
    const read: PortcullisEvent[] = [];
    for await (const message of messages) {
      read.push(message.json());
      expect(await message.ackAck()).toBe(true);
      if (isIt(read.at(-1)!)) break;
    }
    expect(read.some(isIt)).toBe(true);
  });
});
