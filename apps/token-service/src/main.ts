import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConfigurationError } from '@portcullis/configuration';
import {
  endOnUnexpectedErrors,
  NestLog,
  openProcessLog,
  type ProcessLog,
  startTracing,
  type Tracing,
} from '@portcullis/telemetry';
import { TlsFilesError } from '@portcullis/tls';
import { readConfig, type TokenServiceConfig } from './config.js';
import { isDatabaseUnavailable } from './database/database-errors.js';
import { httpAdapter, listenInternally } from './http-server.js';
import { WrongMasterKeyError } from './keys/master-keys.js';
import { RequestTally } from './metrics/request-tally.js';
import { TokenServiceMetrics } from './metrics/token-service-metrics.js';
import { buildOpenApiDocument } from './openapi/openapi-document.js';
import { OpenApiDocument } from './openapi/openapi.controller.js';
import { boundShutdown } from './shutdown-bound.js';
import { TokenServiceModule } from './token-service.module.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const APP = 'token-service';

/** Starts the token-service: the API on one port, the internal API for gateways on another. */
async function start(config: TokenServiceConfig): Promise<void> {
  const log = await openProcessLog({ level: config.logLevel, fields: { app: APP, instance: hostname() } });
  Logger.overrideLogger(new NestLog(log));
  endOnUnexpectedErrors(log);
  try {
    await run(config, await tracingFor(config));
  } catch (error) {
    endWithALogLine(log, error as Error);
  }
}

async function run(config: TokenServiceConfig, tracing: Tracing | undefined): Promise<void> {
  const requests = new RequestTally();
  const tlsLog = new Logger('TLS');
  const app = await NestFactory.create<NestFastifyApplication>(
    TokenServiceModule.register(config, tracing),
    httpAdapter(config, requests, tlsLog, tracing),
    {
      bodyParser: false, // Fastify's own, for JSON alone
      abortOnError: false,
    },
  );
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true }); // 0 when all is done, not the signal
  app.get(OpenApiDocument).document = buildOpenApiDocument(app, version);
  const metrics = app.get(TokenServiceMetrics);
  metrics.requests = requests;
  metrics.version = version;
  await app.init();
  const internal = await listenInternally(app, config, tlsLog);
  boundShutdown([app.getHttpServer(), internal], config.shutdownSeconds * 1_000);
  await app.listen(config.apiPort, config.host);
}

async function tracingFor({ tracing, apiPort }: TokenServiceConfig): Promise<Tracing | undefined> {
  if (!tracing) return undefined;
  const traced = { serviceName: `portcullis-${APP}`, serviceVersion: version, instance: `${hostname()}-${apiPort}` };
  return startTracing(tracing, traced, new Logger('Tracing'));
}

/** One line for what the one who starts it can mend, all that is known for the rest. */
function endWithALogLine(log: ProcessLog, error: Error): never {
  if (error instanceof WrongMasterKeyError || error instanceof TlsFilesError) log.fatal(error.message);
  else if (isDatabaseUnavailable(error)) log.fatal(`Postgres (DATABASE_URL) can't be reached: ${error.message}`);
  else log.fatal({ err: error }, "the token-service can't start");
  process.exit(1);
}

try {
  await start(readConfig(process.env));
} catch (error) {
  // Before there is a log: it says how to log.
  process.stderr.write(`${error instanceof ConfigurationError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
