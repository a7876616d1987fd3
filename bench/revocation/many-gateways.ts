import { createHmac } from 'node:crypto';
import {
  type AccessAck,
  type AccessFeedMessage,
  ACCESS_SUBJECT,
  ACK_SUBJECT,
  INTERNAL_SECRET_HEADER,
  LEASE_MAC_HEADER,
  type RegisterResponse,
  type RenewResponse,
} from '@portcullis/contracts';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { makeServiceToken } from '../../test/harness/fixtures.ts';
import { INTERNAL_SECRET, type Stack } from '../../test/harness/stack.ts';
import { distributionOf, formatDistribution } from '../measuring/distribution.ts';

/** What the barrier costs among many gateways: simulated ones, which hold real leases, hear the feed and acknowledge. */
export async function measureManyGateways(stack: Stack, gateways: number, rounds: number): Promise<string[]> {
  const internalUrl = stack.tokenServices[0]!.internalUrl;
  const nats = await connect({ servers: stack.nats.url });
  const simulated = await Promise.all(
    Array.from({ length: gateways }, (_, i) => SimulatedGateway.start(internalUrl, nats, `simulated-${i + 1}`)),
  );
  const { id } = await makeServiceToken(stack.admin);
  const barrierMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { body } = await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true });
    if (body.receipt.confirmed.length !== gateways + 3)
      throw new Error(`not all confirmed: ${JSON.stringify(body.receipt)}`);
    barrierMs.push(body.receipt.elapsed_ms);
    await stack.admin.put(`/api/user-tokens/${id}`, { revoke: false });
  }
  await Promise.all(simulated.map((gateway) => gateway.stop()));
  await nats.close();
  return [
    formatDistribution(`barrier among ${gateways} simulated gateways and 3 real ones`, distributionOf(barrierMs)),
  ];
}

class SimulatedGateway {
  readonly #internalUrl: string;
  readonly #instance: string;
  readonly #nats: NatsConnection;
  readonly #lease: RegisterResponse;
  readonly #key: Buffer;
  readonly #timer: NodeJS.Timeout;
  #position = { epoch: '', seq: 0 };

  private constructor(internalUrl: string, nats: NatsConnection, instance: string, lease: RegisterResponse) {
    this.#internalUrl = internalUrl;
    this.#nats = nats;
    this.#instance = instance;
    this.#lease = lease;
    this.#key = Buffer.from(lease.lease_key, 'base64url');
    this.#timer = setInterval(() => void this.#renew(), 2_000);
    nats.subscribe(ACCESS_SUBJECT, { callback: (_error, message) => this.#hear(message.json()) });
  }

  static async start(internalUrl: string, nats: NatsConnection, instance: string): Promise<SimulatedGateway> {
    const lease = await post<RegisterResponse>(`${internalUrl}/internal/access/leases`, { instance });
    const gateway = new SimulatedGateway(internalUrl, nats, instance, lease);
    await gateway.#renew(); // learns the epoch
    await gateway.#renew();
    return gateway;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await fetch(this.#url, { method: 'DELETE', headers: HEADERS });
  }

  get #url(): string {
    return `${this.#internalUrl}/internal/access/leases/${encodeURIComponent(this.#lease.lease_id)}`;
  }

  #hear(message: AccessFeedMessage): void {
    if (message.type !== 'change') return;
    this.#position = { epoch: message.epoch, seq: message.to };
    const ack: AccessAck = {
      instance: this.#instance,
      lease_id: this.#lease.lease_id,
      epoch: message.epoch,
      applied_seq: message.to,
    };
    const payload = Buffer.from(JSON.stringify(ack));
    const mac = headers();
    mac.set(LEASE_MAC_HEADER, `${ack.lease_id}.${createHmac('sha256', this.#key).update(payload).digest('base64url')}`);
    this.#nats.publish(ACK_SUBJECT, payload, { headers: mac });
  }

  async #renew(): Promise<void> {
    const { epoch, seq } = this.#position;
    const renewed = await post<RenewResponse>(this.#url, { epoch, applied_seq: seq });
    this.#position = { epoch: renewed.epoch, seq: Math.max(this.#position.seq, renewed.seq) };
  }
}

const HEADERS = { [INTERNAL_SECRET_HEADER]: INTERNAL_SECRET, 'Content-Type': 'application/json' };

async function post<T>(url: string, body: object): Promise<T> {
  const response = await fetch(url, { method: 'POST', headers: HEADERS, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
