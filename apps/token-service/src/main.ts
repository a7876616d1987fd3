import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { Logger as NestLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { TlsFilesError } from '@portcullis/tls';
import { Logger } from 'nestjs-pino';
import { ConfigError, readConfig, type TokenServiceConfig } from './config.js';
import { isDatabaseUnavailable } from './database/database-errors.js';
import { httpAdapter, listenInternally } from './http-server.js';
import { WrongMasterKeyError } from './keys/master-key.js';
import { RequestTally } from './metrics/request-tally.js';
import { TokenServiceMetrics } from './metrics/token-service-metrics.js';
import { buildOpenApiDocument } from './openapi/openapi-document.js';
import { OpenApiDocument } from './openapi/openapi.controller.js';
import { TokenServiceModule } from './token-service.module.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Starts the token-service: the API on one port, the internal API for gateways on another. */
async function start(config: TokenServiceConfig): Promise<void> {
  const requests = new RequestTally();
  const tlsLog = new NestLogger('TLS');
  const app = await NestFactory.create<NestFastifyApplication>(
    TokenServiceModule.register(config),
    httpAdapter(config, requests, tlsLog),
    {
      bufferLogs: true,
      bodyParser: false, // Fastify's own, for JSON alone
      abortOnError: false,
    },
  );
  app.useLogger(app.get(Logger));
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true }); // 0 when all is done, not the signal
  app.get(OpenApiDocument).document = buildOpenApiDocument(app, version);
  app.get(TokenServiceMetrics).requests = requests;
  await app.init();
  await listenInternally(app, config, tlsLog);
  await app.listen(config.apiPort, config.host);
}

/** One line for what the one who starts it can mend, all that is known for the rest. */
function explain(error: Error): string {
  const isForeseen = [ConfigError, TlsFilesError, WrongMasterKeyError].some((kind) => error instanceof kind);
  if (isForeseen) return error.message;
  if (isDatabaseUnavailable(error)) return `Postgres (DATABASE_URL) can't be reached: ${error.message}`;
  return error.stack ?? String(error);
}

try {
  await start(readConfig(process.env));
} catch (error) {
  process.stderr.write(`${explain(error as Error)}\n`);
  process.exit(1);
}
