import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { NatsClient } from '@portcullis/messaging';
import { MetricSet, MetricsServer, type Sample } from '@portcullis/metrics';
import { AccessFollower } from '../access-view/access-follower.js';
import { AccessReplica } from '../access-view/access-replica.js';
import { Lease } from '../access-view/lease.js';
import { StandingAccess } from '../access-view/standing-access.js';
import { TrafficMeter } from '../access-view/traffic-meter.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../config.js';
import { packageVersion } from '../health/package-version.js';
import { DataPath } from '../proxy/data-path.js';
import { UsageReporter } from '../usage/usage-reporter.js';

/** `/metrics` of the gateway, on the management port; everything is read when it is asked for. */
@Injectable()
export class GatewayMetrics implements OnApplicationBootstrap, OnApplicationShutdown {
  #server: MetricsServer | undefined;

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(DataPath) private readonly dataPath: DataPath,
    @Inject(TrafficMeter) private readonly traffic: TrafficMeter,
    @Inject(Lease) private readonly lease: Lease,
    @Inject(AccessReplica) private readonly replica: AccessReplica,
    @Inject(AccessFollower) private readonly follower: AccessFollower,
    @Inject(StandingAccess) private readonly standing: StandingAccess,
    @Inject(UsageReporter) private readonly usage: UsageReporter,
    @Inject(NatsClient) private readonly nats: NatsClient,
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
    const { dataPath, traffic, standing, nats } = this;
    const requests = (): Sample[] => samplesOf(dataPath.routeTraffic.routes);
    const metrics = new MetricSet()
      .info('portcullis_build_info', 'The version that runs', { version: packageVersion() })
      .counter('portcullis_gateway_requests_total', 'Requests by route and outcome', requests, ['route', 'outcome'])
      .counter(
        'portcullis_gateway_limited_total',
        'Requests refused by a limit, by kind',
        () => limitedSamples(dataPath.limited),
        ['limit'],
      )
      .gauge('portcullis_gateway_requests_in_flight', 'Requests that are not answered yet', () => dataPath.inFlight)
      .gauge('portcullis_gateway_upgrades_open', 'WebSockets and other upgraded connections', () => standing.count)
      .histogram(
        'portcullis_gateway_verification_seconds',
        'Checks of the signature of a token that was not seen before',
        traffic.verification,
      )
      .gauge('portcullis_nats_connected', '1 while NATS is connected', () => Number(nats.isConnected));
    this.#addAccess(metrics);
    this.#addUsage(metrics);
    return metrics;
  }

  #addAccess(metrics: MetricSet): void {
    const { lease, replica, follower } = this;
    metrics
      .gauge(
        'portcullis_gateway_lease_remaining_seconds',
        'Left of the lease; at 0 nobody is admitted',
        () => lease.remainingMs() / 1_000,
      ) // prettier-ignore
      .gauge(
        'portcullis_gateway_applied_seq',
        'Number of the access ledger that was applied',
        () => replica.view?.appliedSeq ?? [],
      )
      .gauge(
        'portcullis_gateway_clock_offset_seconds',
        "How far the wall clock is off the token-service's",
        () => follower.clockOffMs / 1_000,
      ); // prettier-ignore
  }

  #addUsage(metrics: MetricSet): void {
    const { usage } = this;
    metrics
      .gauge('portcullis_gateway_usage_waiting', 'Tokens whose use waits to be reported', () => usage.waitingEntries)
      .counter('portcullis_gateway_usage_dropped_total', 'Requests whose use was dropped', () => usage.droppedCount);
  }
}

function limitedSamples(tally: DataPath['limited']): Sample[] {
  return Object.entries(tally).map(([limit, value]) => ({ labels: { limit }, value: value as number }));
}

function samplesOf(routes: DataPath['routeTraffic']['routes']): Sample[] {
  return [...routes].flatMap(([route, tally]) =>
    Object.entries(tally).map(([outcome, value]) => ({ labels: { route, outcome }, value: value as number })),
  );
}
