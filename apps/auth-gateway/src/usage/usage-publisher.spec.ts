import { jetstreamManager, RetentionPolicy } from '@nats-io/jetstream';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LEASE_MAC_HEADER, USAGE_STREAM, USAGE_SUBJECTS } from '@portcullis/contracts';
import { NatsClient } from '@portcullis/messaging';
import { eventually, NatsServer } from '../access-view/testing/nats-server.js';
import { usagePublisher } from './usage-publisher.js';

Logger.overrideLogger(false);

let server: NatsServer;
let client: NatsClient;

beforeAll(async () => {
  server = await NatsServer.reserve();
  client = new NatsClient({ servers: [server.url], name: 'gw-1' });
});

afterAll(async () => {
  await client.close();
  await server.remove();
});

const PAYLOAD = Buffer.from('{"id":"batch-1"}');

describe('usagePublisher', () => {
  it('fails while NATS is away, then while there is no stream; then stores each batch once', async () => {
    const publish = usagePublisher(client, 'gw.1');
    await expect(publish('batch-1', PAYLOAD, 'gw.1.mac')).rejects.toThrow('NATS is away');

    await server.start();
    await eventually(() => client.isConnected);
    await expect(publish('batch-1', PAYLOAD, 'gw.1.mac')).rejects.toThrow('there is no usage stream');

    const manager = await jetstreamManager(await client.connection());
    await manager.streams.add({ name: USAGE_STREAM, subjects: [USAGE_SUBJECTS], retention: RetentionPolicy.Workqueue });
    await publish('batch-1', PAYLOAD, 'gw.1.mac');
    await publish('batch-1', PAYLOAD, 'gw.1.mac');
    const { state } = await manager.streams.info(USAGE_STREAM);
    expect(state.messages).toBe(1);

    const stored = await manager.streams.getMessage(USAGE_STREAM, { seq: 1 });
    expect(stored?.subject).toBe('portcullis.usage.gw_1');
    expect(stored?.header.get(LEASE_MAC_HEADER)).toBe('gw.1.mac');
    expect(Buffer.from(stored?.data ?? []).toString()).toBe(PAYLOAD.toString());
  });

  it('does not take another answer for an ack', async () => {
    const other = await NatsServer.reserve();
    await other.start();
    const gateway = new NatsClient({ servers: [other.url], name: 'gw-1' });
    await eventually(() => gateway.isConnected);
    const connection = await gateway.connection();
    connection.subscribe(USAGE_SUBJECTS, { callback: (_, message) => void message.respond('{"ok":true}') });
    await expect(usagePublisher(gateway, 'gw-1')('batch-1', PAYLOAD, 'mac')).rejects.toThrow('ack');
    await gateway.close();
    await other.remove();
  });
});
