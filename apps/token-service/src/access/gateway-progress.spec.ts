import { setImmediate } from 'node:timers/promises';
import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { type AccessAck, LEASE_MAC_HEADER } from '@portcullis/contracts';
import { type NatsClient, signWithLease } from '@portcullis/messaging';
import type { DataSource } from 'typeorm';
import { describe, expect, it } from 'vitest';
import type { GatewayLeases } from './gateway-leases.js';
import { GatewayProgress } from './gateway-progress.js';

const KEY = Buffer.alloc(32, 3);
const LEASE = 'gw-1:known';

/** Hears what the test publishes; keys of leases other than {@link LEASE} are never found, nor found missing. */
async function listening() {
  const lookedUp: string[] = [];
  const hearing: ((message: Msg) => void)[] = [];
  const connection = {
    subscribe: (_subject: string, { callback }: { callback: (error: null, message: Msg) => void }) =>
      void hearing.push((message) => callback(null, message)),
    closed: () => new Promise(() => undefined),
  } as unknown as NatsConnection;
  const leases: Pick<GatewayLeases, 'knowsKeyOf' | 'keyOf'> = {
    knowsKeyOf: (leaseId) => leaseId === LEASE,
    keyOf: (leaseId) => {
      if (leaseId === LEASE) return Promise.resolve(KEY);
      lookedUp.push(leaseId);
      return new Promise(() => undefined);
    },
  };
  const nats = { connection: () => Promise.resolve(connection) } as unknown as NatsClient;
  const progress = new GatewayProgress({} as DataSource, nats, leases as GatewayLeases);
  progress.onApplicationBootstrap();
  await setImmediate();
  return { progress, lookedUp, publish: (leaseId: string, seq: number) => hearing[0]!(ackOf(leaseId, seq)) };
}

function ackOf(leaseId: string, seq: number): Msg {
  const ack: AccessAck = { instance: 'gw-1', lease_id: leaseId, epoch: 'e', applied_seq: seq };
  const data = Buffer.from(JSON.stringify(ack));
  const header = headers();
  header.set(LEASE_MAC_HEADER, signWithLease(leaseId, KEY, data));
  return { data, headers: header, json: () => ack } as unknown as Msg;
}

describe('acks', () => {
  it('of leases that don’t exist, however many, keep no renewal waiting, nor an ack of one that does', async () => {
    const { progress, lookedUp, publish } = await listening();
    for (let i = 0; i < 5_000; i++) publish(`gw-1:made-up-${i}`, 9);
    publish(LEASE, 5);
    await setImmediate();
    expect(lookedUp).toHaveLength(256);
    expect([...(await progress.shortfalls({ epoch: 'e', seq: 5 }, [LEASE], 0))]).toEqual([]);
  });
});
