import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Public } from '@portcullis/access-control';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { notReady } from '@portcullis/contracts';
import { NatsClient } from '@portcullis/messaging';
import { AccessReplica } from '../access-view/access-replica.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../config.js';
import { packageVersion } from './package-version.js';
import { Readiness } from './readiness.js';

export interface GatewayStatus {
  status: 'ready' | 'not_ready';
  version: string;
  instance: string;
  /** The number of the access ledger that this gateway is at; null before its first snapshot. */
  access_seq: number | null;
  nats: 'connected' | 'away';
}

@Controller()
export class HealthController {
  readonly #version = packageVersion();

  constructor(
    private readonly health: HealthCheckService,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(AccessReplica) private readonly replica: AccessReplica,
    @Inject(NatsClient) private readonly nats: NatsClient,
  ) {}

  /** The process answers. */
  @Public()
  @Get('livez')
  @Header('Cache-Control', 'no-store')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** The gateway can decide on requests. */
  @Public()
  @Get('readyz')
  @HealthCheck({ noCache: true, swaggerDocumentation: false })
  async ready(): Promise<HealthCheckResult> {
    const details = this.readiness.check();
    return this.health.check([() => details]).catch(() => {
      throw notReady(details);
    });
  }

  @Public()
  @Get('api/status')
  @Header('Cache-Control', 'no-store')
  status(): GatewayStatus {
    return {
      status: this.readiness.isReady ? 'ready' : 'not_ready',
      version: this.#version,
      instance: this.config.instance,
      access_seq: this.replica.view?.appliedSeq ?? null,
      nats: this.nats.isConnected ? 'connected' : 'away',
    };
  }
}
