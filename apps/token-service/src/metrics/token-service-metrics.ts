import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { jetstreamManager } from '@nats-io/jetstream';
import { type GatewayDto, USAGE_STREAM } from '@portcullis/contracts';
import { NatsClient, USAGE_CONSUMER } from '@portcullis/messaging';
import { MetricSet, MetricsServer, type Sample } from '@portcullis/metrics';
import { DataSource } from 'typeorm';
import { LeasePool } from '../access/lease-pool.js';
import { RevocationBarrier } from '../access/revocation-barrier.js';
import { CONFIG, type TokenServiceConfig } from '../config.js';
import { poolOf } from '../database/prepared.js';
import { type OutboxBacklog, OutboxRelay } from '../events/outbox-relay.js';
import { GatewayList } from '../gateways/gateway-list.js';
import { RetentionSchedule } from '../retention/retention-schedule.js';
import { UsageConsumer } from '../usage/usage-consumer.js';
import { USAGE_REJECTIONS } from '../usage/usage-message.js';
import { RequestTally } from './request-tally.js';

const JETSTREAM_TIMEOUT_MS = 2_000;
/** Not `instance`: that is what Prometheus calls the process that it asks, this one. */
const GATEWAY_LABELS = ['gateway', 'worker'];

/** `/metrics` of the token-service, on the management port; everything is read when it is asked for. */
@Injectable()
export class TokenServiceMetrics implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Both are set before the app starts; without the first no request is counted. */
  requests = new RequestTally();
  version = '';
  #server: MetricsServer | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: TokenServiceConfig,
    @Inject(DataSource) private readonly dataSource: DataSource,
    private readonly leasePool: LeasePool,
    private readonly barrier: RevocationBarrier,
    private readonly relay: OutboxRelay,
    private readonly usage: UsageConsumer,
    private readonly gateways: GatewayList,
    private readonly nats: NatsClient,
    private readonly retention: RetentionSchedule,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { managementPort, managementHost } = this.config;
    if (managementPort === undefined) return;
    this.#server = new MetricsServer(this.#metrics());
    await this.#server.listen(managementPort, managementHost);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#server?.close();
  }

  #metrics(): MetricSet {
    const { barrier } = this;
    const metrics = new MetricSet()
      .info('portcullis_build_info', 'The version that runs', { version: this.version })
      .counter('portcullis_requests_total', 'Requests by method, route and outcome', () => this.#requestSamples(), [
        'method',
        'route',
        'outcome',
      ]) // prettier-ignore
      .histogram(
        'portcullis_barrier_seconds',
        'From the commit of a change of access to its receipt',
        barrier.durations,
      )
      .counter(
        'portcullis_receipts_total',
        'Receipts by the worst that they say',
        () => samplesBy('outcome', barrier.receipts),
        ['outcome'],
      ) // prettier-ignore
      .gauge(
        'portcullis_database_connections',
        'Connections of a pool, and callers that wait for one',
        () => this.#pools(),
        ['pool', 'state'],
      ) // prettier-ignore
      .gauge('portcullis_nats_connected', '1 while NATS is connected', () => Number(this.nats.isConnected));
    this.#addUsage(metrics);
    this.#addOutbox(metrics);
    this.#addRetention(metrics);
    this.#addGateways(metrics);
    return metrics;
  }

  #addUsage(metrics: MetricSet): void {
    const { rejections } = this.usage;
    // From 0 on: Prometheus sees no increase in what begins with 1.
    const rejected = (): Sample[] =>
      USAGE_REJECTIONS.map((reason) => ({ labels: { reason }, value: rejections.get(reason) ?? 0 }));
    metrics
      .gauge('portcullis_usage_reports_waiting', 'Usage reports that are not counted yet', () => this.#usageWaiting())
      .counter('portcullis_usage_reports_rejected_total', 'Usage reports thrown away', rejected, ['reason']);
  }

  #addOutbox(metrics: MetricSet): void {
    const backlog = sharedFor(1_000, () => this.relay.backlog());
    const read = (pick: (backlog: OutboxBacklog) => number) => async () => pick(await backlog());
    metrics
      .gauge(
        'portcullis_outbox_waiting',
        'Events that are not published yet',
        read(({ rows }) => rows),
      )
      .gauge(
        'portcullis_outbox_oldest_age_seconds',
        'Age of the oldest of them',
        read(({ oldestAgeMs }) => oldestAgeMs / 1_000),
      ) // prettier-ignore
      .gauge('portcullis_outbox_leader', '1 on the replica that publishes', () => Number(this.relay.isLeader));
  }

  #addRetention(metrics: MetricSet): void {
    const { deleted, failures } = this.retention;
    metrics
      .counter('portcullis_purged_total', 'Rows past their retention that were deleted', byKind(deleted), ['kind'])
      .counter('portcullis_purge_failures_total', 'Runs in which a kind could not be purged', byKind(failures), [
        'kind',
      ]);
  }

  /** Seen from here, so that one that is cut off is still told of. */
  #addGateways(metrics: MetricSet): void {
    const list = sharedFor(1_000, () => this.gateways.read());
    const each = (valueOf: (gateway: GatewayDto, seq: number) => number) => async (): Promise<Sample[]> => {
      const { seq, gateways } = await list();
      return gateways.map((gateway) => ({
        labels: { gateway: gateway.instance, worker: String(gateway.worker) },
        value: valueOf(gateway, seq),
      }));
    };
    metrics
      .gauge('portcullis_access_seq', 'Latest number of the access ledger', async () => (await list()).seq)
      .gauge('portcullis_lease_remaining_seconds', 'Left of the lease of each gateway', each((gateway) => gateway.lease_remaining_ms / 1_000), GATEWAY_LABELS) // prettier-ignore
      .gauge('portcullis_lease_lag', 'Changes that a gateway has not said it applied', each((gateway, seq) => seq - (gateway.applied_seq ?? 0)), GATEWAY_LABELS); // prettier-ignore
  }

  #requestSamples(): Sample[] {
    return [...this.requests.counts].map(({ count, ...labels }) => ({ labels, value: count }));
  }

  async #usageWaiting(): Promise<number> {
    if (!this.nats.isConnected) throw new Error('NATS is not connected');
    const options = { checkAPI: false, timeout: JETSTREAM_TIMEOUT_MS };
    const manager = await jetstreamManager(await this.nats.connection(), options);
    const { num_pending: pending, num_ack_pending: underWay } = await manager.consumers.info(USAGE_STREAM, USAGE_CONSUMER); // prettier-ignore
    return pending + underWay;
  }

  #pools(): Sample[] {
    const pools = { api: poolOf(this.dataSource), leases: this.leasePool.use };
    return Object.entries(pools).flatMap(([pool, { totalCount, idleCount, waitingCount }]) =>
      samplesBy('state', { busy: totalCount - idleCount, idle: idleCount, waiting: waitingCount }, { pool }),
    );
  }
}

function byKind(counts: ReadonlyMap<string, number>): () => Sample[] {
  return () => [...counts].map(([kind, value]) => ({ labels: { kind }, value }));
}

function samplesBy(
  label: string,
  counts: Readonly<Record<string, number>>,
  labels: Record<string, string> = {},
): Sample[] {
  return Object.entries(counts).map(([name, value]) => ({ labels: { ...labels, [label]: name }, value }));
}

/** One look at the database serves all metrics of a scrape. */
function sharedFor<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let latest: { atMs: number; value: Promise<T> } | undefined;
  return () => {
    const nowMs = performance.now();
    if (!latest || nowMs - latest.atMs > ms) latest = { atMs: nowMs, value: read() };
    return latest.value;
  };
}
