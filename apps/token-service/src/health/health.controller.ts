import { Controller, Get, HttpCode, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from '@portcullis/access-control';
import { NatsClient } from '@portcullis/messaging';
import type { FastifyReply } from 'fastify';
import { DataSource } from 'typeorm';
import { WrongMasterKeyError } from '../keys/master-keys.js';
import { SigningKeys } from '../keys/signing-keys.js';

@ApiExcludeController()
@Public()
@Controller()
export class HealthController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly nats: NatsClient,
    private readonly signingKeys: SigningKeys,
  ) {}

  /** The process runs. */
  @Get('livez')
  @HttpCode(200)
  live(): { status: string } {
    return { status: 'ok' };
  }

  /** It can do its work: Postgres answers, and the key that signs now can be opened. NATS away slows revocation down and holds events back, but stops nothing. */
  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const failure: unknown = await this.signingKeys.currentSigner(this.dataSource.manager).then(
      () => undefined,
      (error: unknown) => error,
    );
    const lacksKey = failure instanceof WrongMasterKeyError;
    if (failure) reply.status(503);
    return {
      status: failure ? 'not ready' : 'ready',
      postgres: failure && !lacksKey ? 'does not answer' : 'ok',
      signing_key: lacksKey ? 'needs a master key that this token-service lacks' : failure ? 'unknown' : 'ok',
      nats: this.nats.isConnected ? 'ok' : 'not connected',
    };
  }
}
