import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Public } from '@portcullis/access-control';
import { Problem } from '@portcullis/contracts';
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
  @Header('Cache-Control', 'no-store')
  ready(): { status: 'ready' } {
    const reasons = this.readiness.reasons();
    if (reasons.length === 0) return { status: 'ready' };
    const detail = reasons.map(({ field, message }) => `${field} ${message}`).join('; ');
    throw new Problem(503, 'not_ready', detail, { errors: reasons, headers: { 'Retry-After': '1' } });
  }

  @Public()
  @Get('api/status')
  @Header('Cache-Control', 'no-store')
  status(): GatewayStatus {
    return {
      status: this.readiness.reasons().length === 0 ? 'ready' : 'not_ready',
      version: this.#version,
      instance: this.config.instance,
      access_seq: this.replica.view?.appliedSeq ?? null,
      nats: this.nats.isConnected ? 'connected' : 'away',
    };
  }
}
