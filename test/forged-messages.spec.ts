import { createHmac } from 'node:crypto';
import {
  type AccessAck,
  type AccessChange,
  ACCESS_SUBJECT,
  ACK_SUBJECT,
  LEASE_MAC_HEADER,
  SIGNATURE_HEADER,
  type TokenValue,
} from '@portcullis/contracts';
import { connect, headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServiceToken } from './harness/fixtures.ts';
import { registerLease } from './harness/held-lease.ts';
import type { HttpClient } from './harness/http-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

const LEASE_MS = 2_000;

let stack: Stack;
let admin: HttpClient;
let intruder: NatsConnection;
const feed: Msg[] = [];

beforeAll(async () => {
  stack = await Stack.start({ gateways: 2, tokenServiceEnv: { PORTCULLIS_LEASE_MS: String(LEASE_MS) } });
  admin = stack.direct(0, stack.adminToken);
  intruder = await connect({ servers: stack.nats.url });
  intruder.subscribe(ACCESS_SUBJECT, { callback: (_error, message) => void feed.push(message) });
  await intruder.flush();
});
afterAll(async () => {
  await intruder.close();
  await stack.stop();
});

const statuses = (token: string): Promise<number[]> =>
  Promise.all([0, 1].map(async (i) => (await stack.client(i, token).get('/api/datastores')).status));

async function position(): Promise<{ epoch: string; seq: number }> {
  await waitUntil('a heartbeat was heard', () => feed.length > 0);
  const { epoch } = feed.at(-1)!.json<AccessChange>();
  const { rows } = await stack.database.pool.query('SELECT seq FROM access_clock');
  return { epoch, seq: rows[0].seq };
}

/** The next change, as it would be if the token-service had made it. */
async function plausibleChange(tokenId: number, value: TokenValue): Promise<AccessChange> {
  const { epoch, seq } = await position();
  const entry = { seq: seq + 1, kind: 'token', id: String(tokenId), value } as const;
  return { type: 'change', epoch, from: seq + 1, to: seq + 1, entries: [entry] };
}

async function publish(payload: object | Uint8Array, signature?: string): Promise<void> {
  const header = headers();
  if (signature !== undefined) header.set(SIGNATURE_HEADER, signature);
  const bytes = payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload));
  intruder.publish(ACCESS_SUBJECT, bytes, { headers: header });
  await intruder.flush();
}

/** A real change that every gateway confirms: whatever was published before it has been read by then. */
async function settle(): Promise<void> {
  await makeServiceToken(admin);
}

describe('someone who can publish on NATS', () => {
  it('neither opens nor shuts anything with changes of their own', async () => {
    const [good, revoked] = [await makeServiceToken(admin), await makeServiceToken(admin)];
    await admin.put(`/api/user-tokens/${revoked.id}`, { revoke: true });
    const someSignature = feed.at(-1)!.headers!.get(SIGNATURE_HEADER);
    for (const signature of [undefined, '', 'A'.repeat(86), someSignature]) {
      await publish(await plausibleChange(revoked.id, 'active'), signature);
      await publish(await plausibleChange(good.id, 'revoked'), signature);
    }
    for (const junk of [Buffer.from('junk'), Buffer.alloc(100_000, 0x7b), Buffer.from('null')])
      await publish(junk, someSignature);
    await settle();
    expect(await statuses(good.bearer_token)).toEqual([200, 200]);
    expect(await statuses(revoked.bearer_token)).toEqual([401, 401]);
  });

  it('changes nothing by playing back what was true once', async () => {
    const { id, bearer_token } = await makeServiceToken(admin);
    for (const revoke of [true, false, true]) await admin.put(`/api/user-tokens/${id}`, { revoke });
    const recorded = feed.filter((message) => message.string().includes(`"id":"${id}"`));
    expect(recorded.length).toBeGreaterThanOrEqual(3);
    for (const message of recorded) await publish(message.data, message.headers!.get(SIGNATURE_HEADER));
    await settle();
    expect(await statuses(bearer_token)).toEqual([401, 401]);
    await admin.put(`/api/user-tokens/${id}`, { revoke: false });
    for (const message of recorded.toReversed()) await publish(message.data, message.headers!.get(SIGNATURE_HEADER));
    await settle();
    expect(await statuses(bearer_token)).toEqual([200, 200]);
  });

  it('ends no barrier early with acks in a gateway’s name, even with a lease key of its own', async () => {
    const own = await registerLease(stack, { instance: 'intruder' });
    const { id } = await makeServiceToken(admin);
    const { rows } = await stack.database.pool.query(
      `SELECT lease_id FROM gateway_leases WHERE instance = 'gw-2' AND released_at IS NULL AND fenced_at IS NULL`,
    );
    const frozen = stack.gateways[1]!.process;
    frozen.kill('SIGSTOP');
    try {
      const revoked = admin.put(`/api/user-tokens/${id}`, { revoke: true });
      const { epoch, seq } = await position();
      const ack: AccessAck = { instance: 'gw-2', lease_id: rows[0].lease_id, epoch, applied_seq: seq + 1_000 };
      const payload = Buffer.from(JSON.stringify(ack));
      const ownMac = createHmac('sha256', Buffer.from(own.lease_key, 'base64url')).update(payload).digest('base64url');
      for (const mac of [
        undefined,
        'junk',
        `${ack.lease_id}.${'A'.repeat(43)}`,
        `${ack.lease_id}.${ownMac}`,
        `${own.lease_id}.${ownMac}`,
      ]) {
        const header = headers();
        if (mac) header.set(LEASE_MAC_HEADER, mac);
        intruder.publish(ACK_SUBJECT, payload, { headers: header });
      }
      expect((await revoked).body.receipt).toMatchObject({
        confirmed: ['gw-1'],
        expired: expect.arrayContaining(['gw-2']),
      });
    } finally {
      frozen.kill('SIGCONT');
    }
  });
});
