import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { Authenticated } from '@portcullis/access-control';
import { LiveUpdateDto } from '@portcullis/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuthenticatedRequest } from '../authentication/current-caller.js';
import { EventStreamConnection, type StreamCredential } from './event-stream-connection.js';
import { LiveUpdates } from './live-updates.js';

/** Of the data of a `change`; OpenAPI has no way to say more of a stream. */
const STREAM_SCHEMA: object = {
  type: 'string',
  contentMediaType: 'text/event-stream',
  contentSchema: { $ref: getSchemaPath(LiveUpdateDto) },
};

@ApiTags('Events')
@Controller('api/events')
export class LiveUpdatesController {
  constructor(private readonly updates: LiveUpdates) {}

  /**
   * Server-sent events: `ready` (read again what you show), `change` (LiveUpdateDto: which row to read again), `end` (the session or
   * token has ended). Nothing is replayed. A person hears of their own, an Admin of everything.
   */
  @Get()
  @Authenticated()
  @ApiExtraModels(LiveUpdateDto)
  @ApiOkResponse({ content: { 'text/event-stream': { schema: STREAM_SCHEMA } } })
  stream(@Req() request: FastifyRequest & AuthenticatedRequest, @Res() reply: FastifyReply): void {
    const { id, role } = request.user.principal;
    this.updates.assertRoomFor(id);
    const stream = new EventStreamConnection(reply.raw, credentialOf(request), id, role);
    reply.raw.once('close', () => this.updates.remove(stream));
    reply.hijack();
    reply.raw.writeHead(200, {
      'X-Request-Id': request.origin.requestId,
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no', // nginx would hold it back
    });
    this.updates.add(stream);
  }
}

function credentialOf({ session, user }: AuthenticatedRequest): StreamCredential {
  return session ? { sessionId: session.id } : { tokenId: user.tokenId! };
}
