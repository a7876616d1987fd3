import { createHmac, generateKeyPairSync } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { connect, headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type AccessAck,
  type AccessFeedMessage,
  ACCESS_SUBJECT,
  ACK_SUBJECT,
  LEASE_MAC_HEADER,
  SIGNATURE_HEADER,
} from '@portcullis/contracts';
import { NatsClient } from '@portcullis/messaging';
import { type AccessComponents, assembleAccess, startAccess } from './access-components.js';
import { systemClock } from './clock.js';
import { key, ModelLedger, principal, signFeed, token, voidTokens } from './testing/model-ledger.js';
import { eventually, NatsServer } from './testing/nats-server.js';
import { ScriptedApi } from './testing/scripted-api.js';

Logger.overrideLogger(false);

let server: NatsServer;
let client: NatsClient;
let tokenService: NatsConnection;
let access: AccessComponents;
let ledger: ModelLedger;
const acks: Msg[] = [];

beforeEach(async () => {
  acks.length = 0;
  server = await NatsServer.reserve();
  ledger = new ModelLedger();
  ledger.commit(key('key-1', 'signing'), principal(7));
  client = new NatsClient({ servers: [server.url], name: 'gw-1' });
  access = assembleAccess({
    instance: 'gw-1',
    whenStale: 'deny' as const,
    verifiedTokensMax: 10,
    api: new ScriptedApi(ledger, systemClock).asApi,
    nats: client,
    clock: systemClock,
    log: { info: () => {}, warn: () => {} },
  });
  startAccess(access);
  await eventually(() => access.lease.holds()); // without NATS
  await server.start();
  await eventually(() => client.isConnected);
  tokenService = await connect({ servers: server.url });
  tokenService.subscribe(ACK_SUBJECT, { callback: (_, message) => void acks.push(message) });
  await listening();
});

afterEach(async () => {
  await access.follower.release();
  await tokenService.close();
  await client.close();
  await server.remove();
});

/** The subscription of a gateway that has just connected may still be on its way. */
async function listening(): Promise<void> {
  await eventually(() => {
    publish(heartbeat());
    return access.feed.counts.received > 0;
  });
}

function heartbeat(): AccessFeedMessage {
  return { type: 'heartbeat', epoch: ledger.epoch, seq: ledger.seq, at: Date.now() };
}

function publish(message: AccessFeedMessage, signed = signFeed(message)): void {
  const header = headers();
  header.set(SIGNATURE_HEADER, signed.signature);
  tokenService.publish(ACCESS_SUBJECT, signed.payload, { headers: header });
}

const ackedSeqs = (): number[] => acks.map((ack) => ack.json<AccessAck>().applied_seq);

describe('the change feed', () => {
  it('applies a signed change and acknowledges it with the MAC of the lease', async () => {
    publish(ledger.commit(token(5, 'revoked'), voidTokens(8, 9)));
    await eventually(() => ackedSeqs().includes(4));
    const ack = acks.at(-1) as Msg;
    expect(ack.json()).toEqual({ instance: 'gw-1', lease_id: 'gw-1.1', epoch: 'epoch-1', applied_seq: 4 });
    const mac = createHmac('sha256', Buffer.alloc(32, 1)).update(ack.data).digest('base64url');
    expect(ack.headers?.get(LEASE_MAC_HEADER)).toBe(`gw-1.1.${mac}`);
    expect([5, 7, 8, 9].map((id) => access.replica.view?.tokenState(id))).toEqual([
      'revoked',
      undefined,
      'deleted',
      'deleted',
    ]);
  });

  it('coalesces the acks of changes that come together', async () => {
    for (let id = 1; id <= 100; id += 1) publish(ledger.commit(token(id, 'revoked')));
    await eventually(() => ackedSeqs().includes(102));
    expect(acks.length).toBeLessThan(60);
  });

  it('ignores and counts forged changes', async () => {
    const change = ledger.commit(token(5, 'revoked'));
    ledger.history.pop();
    publish(change, signFeed(change, generateKeyPairSync('ed25519').privateKey));
    publish(change, { ...signFeed(change), signature: '' });
    const other = signFeed({ ...change, entries: [] });
    publish(change, { payload: signFeed(change).payload, signature: other.signature });
    tokenService.publish(ACCESS_SUBJECT, 'no headers at all');
    await eventually(() => access.feed.counts.forged === 4);
    expect(access.replica.view?.tokenState(5)).toBeUndefined();
    expect(access.replica.view?.appliedSeq).toBe(2);
    expect(access.lease.holds()).toBe(true);
  });

  it('ignores and counts what is signed and makes no sense', async () => {
    publish({ type: 'change', epoch: 'epoch-1', from: 3, to: 3, entries: [{ seq: 9 }] } as never);
    publish({ type: 'change', epoch: 'epoch-1', from: 4, to: 3 });
    publish({ type: 'gossip' } as never);
    await eventually(() => access.feed.counts.malformed === 3);
    expect(access.replica.view?.appliedSeq).toBe(2);
  });

  it('is not moved by replayed changes, of this epoch or another', async () => {
    const revoked = ledger.commit(token(5, 'revoked'));
    publish(revoked);
    publish(ledger.commit(token(5, 'active')));
    await eventually(() => access.replica.view?.appliedSeq === 4);
    const before = access.feed.counts.received;
    publish(revoked);
    publish({ ...revoked, epoch: 'epoch-0', from: 5, to: 5, entries: [{ ...revoked.entries[0], seq: 5 } as never] });
    await eventually(() => access.feed.counts.received >= before + 2);
    expect(access.replica.view?.tokenState(5)).toBeUndefined();
    expect(access.replica.view?.appliedSeq).toBe(4);
    expect(access.lease.holds()).toBe(true);
  });

  it('goes on after NATS was away, with what was missed', async () => {
    await server.stop();
    await eventually(() => !client.isConnected);
    ledger.commit(token(5, 'revoked'));
    await server.start();
    await eventually(() => client.isConnected);
    await eventually(() => {
      publish(heartbeat());
      return access.replica.view?.appliedSeq === 3;
    });
    expect(access.replica.view?.tokenState(5)).toBe('revoked');
  });
});
