import { randomBytes } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import { readConfig } from '../config.js';
import { TokenServiceModule } from '../token-service.module.js';
import { buildOpenApiDocument } from './openapi-document.js';

/** The OpenAPI document without a database or NATS: `preview` puts the modules together and makes no instance of anything. */
export async function describeApi(version = '0.1.0'): Promise<OpenAPIObject> {
  const config = readConfig({
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    NATS_URL: 'nats://127.0.0.1:1',
    PORTCULLIS_INTERNAL_SECRET: 'x'.repeat(32),
    PORTCULLIS_MASTER_KEY: randomBytes(32).toString('base64'),
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    TokenServiceModule.register(config),
    new FastifyAdapter(),
    {
      preview: true,
      logger: false,
      abortOnError: false,
    },
  );
  return buildOpenApiDocument(app, version);
}
