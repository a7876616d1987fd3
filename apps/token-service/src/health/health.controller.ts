import { Controller, Get, HttpCode, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from '@portcullis/access-control';
import { NatsClient } from '@portcullis/messaging';
import type { FastifyReply } from 'fastify';
import { DataSource } from 'typeorm';

@ApiExcludeController()
@Public()
@Controller()
export class HealthController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly nats: NatsClient,
  ) {}

  /** The process runs. */
  @Get('livez')
  @HttpCode(200)
  live(): { status: string } {
    return { status: 'ok' };
  }

  /** It can do its work: Postgres answers. NATS away slows revocation down and holds events back, but stops nothing. */
  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const postgres = await this.dataSource.query('SELECT 1').then(
      () => 'ok',
      () => 'does not answer',
    );
    if (postgres !== 'ok') reply.status(503);
    return {
      status: postgres === 'ok' ? 'ready' : 'not ready',
      postgres,
      nats: this.nats.isConnected ? 'ok' : 'not connected',
    };
  }
}
