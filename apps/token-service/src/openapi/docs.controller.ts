import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from '@portcullis/access-control';
import { Problem } from '@portcullis/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DocsPage } from './docs-page.js';

/** Scripts, styles and answers from here and nowhere else, nothing inline, in no frame. */
const HEADERS = {
  'Content-Security-Policy': [
    `default-src 'none'`,
    `script-src 'self'`,
    `style-src 'self'`,
    `img-src 'self' data:`,
    `connect-src 'self'`,
    `form-action 'none'`,
    `base-uri 'none'`,
    `frame-ancestors 'none'`,
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // Asked for again each time, and answered 304 while it is the same.
  'Cache-Control': 'no-cache',
  Vary: 'Accept-Encoding',
};

/** The readable page of the API's description: open, like the description itself. It says nothing of this installation. */
@ApiExcludeController()
@Public()
@Controller('api/docs')
export class DocsController {
  readonly #page = new DocsPage();

  @Get()
  page(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<Buffer | undefined> {
    return this.file('', request, reply);
  }

  @Get(':file')
  async file(
    @Param('file') name: string,
    @Req() { headers }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | undefined> {
    const file = await this.#page.file(name);
    if (!file) throw new Problem(404, 'not_found', 'There is nothing at this path');
    const encoding = takesGzip(headers['accept-encoding']) ? 'gzip' : 'identity';
    void reply.headers({ ...HEADERS, ETag: file.etag[encoding] });
    if (headers['if-none-match'] === file.etag[encoding]) {
      void reply.status(304);
      return undefined;
    }
    void reply.header('Content-Type', file.contentType);
    if (encoding === 'identity') return file.body;
    void reply.header('Content-Encoding', 'gzip');
    return file.gzipped;
  }
}

function takesGzip(accepted: unknown): boolean {
  return /(^|,)\s*gzip\s*(,|$)/i.test(String(accepted ?? ''));
}
