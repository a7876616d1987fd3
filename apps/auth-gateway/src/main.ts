import 'reflect-metadata';
import type { RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Logger as NestLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ProblemFilter, problemValidationPipe } from '@portcullis/contracts';
import { CertificateFiles, TlsFilesError } from '@portcullis/tls';
import { Logger } from 'nestjs-pino';
import { AuthGatewayModule } from './auth-gateway.module.js';
import { RoutesFile, RoutesFileError } from './authorization/routes-file.js';
import { readConsoleFiles } from './console/console-files.js';
import { ConsoleSite } from './console/console-site.js';
import { ConfigError, type GatewayConfig, readConfig } from './config.js';
import { DataPath } from './proxy/data-path.js';
import { createGatewayServer, leaveClientErrorToServer } from './proxy/http-server.js';
import { shutDown } from './shutdown.js';
import { TokenServiceTls } from './tls/token-service-tls.js';

const CONSOLE_FOLDER = fileURLToPath(new URL('../../console/dist', import.meta.url));

/** Starts the gateway. It listens at once and answers 503 until it holds a lease. */
async function start(config: GatewayConfig): Promise<void> {
  const app = await createApp(config);
  const logger = app.get(Logger);
  crashWithALogLine(logger);
  stopOnSignals(app, logger);
  try {
    await app.listen({ port: config.port, host: config.host });
  } catch (error) {
    await shutDown(app, logger); // a lease may be held by now
    throw error;
  }
  const url = new URL(await app.getUrl());
  if (config.tls) url.protocol = 'https:';
  logger.log(`gateway ${config.instance} listens on ${url.origin}`);
}

async function createApp(config: GatewayConfig): Promise<NestFastifyApplication> {
  const routes = RoutesFile.open(config.routesFile, new NestLogger(RoutesFile.name));
  const site = openConsole(config);
  const tlsLog = new NestLogger('TLS');
  const certificate = config.tls && CertificateFiles.open(config.tls, tlsLog);
  const dataPath: { current?: DataPath } = {};
  const adapter = new FastifyAdapter({
    clientErrorHandler: leaveClientErrorToServer,
    // Fastify makes its server before Nest makes the data path; no request comes before both are there.
    serverFactory: (nestHandler: RequestListener) =>
      createGatewayServer(
        {
          handle: (request, response) => dataPath.current?.handle(request, response) ?? false,
          upgrades: (request) => dataPath.current?.upgrades(request) ?? false,
          handleUpgrade: (...upgrade) => dataPath.current?.handleUpgrade(...upgrade),
        },
        site ? site.before(nestHandler) : nestHandler,
        {},
        certificate,
      ),
  });
  const tokenServiceTls = openTokenServiceTls(config, tlsLog);
  const app = await NestFactory.create<NestFastifyApplication>(
    AuthGatewayModule.register(config, routes, tokenServiceTls),
    adapter,
    {
      bufferLogs: true,
      bodyParser: false,
      abortOnError: false,
    },
  );
  app.useLogger(app.get(Logger));
  app.useGlobalFilters(new ProblemFilter());
  app.useGlobalPipes(problemValidationPipe());
  dataPath.current = app.get(DataPath);
  return app;
}

function openTokenServiceTls(config: GatewayConfig, log: NestLogger): TokenServiceTls | undefined {
  if (!config.tokenServiceTls) return undefined;
  const files = CertificateFiles.open(config.tokenServiceTls, log);
  return new TokenServiceTls(files, [...config.tokenServiceUrls, ...config.internalUrls]);
}

/** A gateway without a console still guards what it is there for, so one that isn't built is only said. */
function openConsole(config: GatewayConfig): ConsoleSite | undefined {
  if (!config.servesConsole) return undefined;
  const files = readConsoleFiles(CONSOLE_FOLDER);
  if (files) return new ConsoleSite(files);
  new NestLogger(ConsoleSite.name).warn('the console is not built (npm run build): nothing is served at /');
  return undefined;
}

function stopOnSignals(app: NestFastifyApplication, logger: Logger): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.log(`${signal}: shutting down`);
    void shutDown(app, logger).then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** A fault that nobody foresaw may have left anything half done: the next process starts clean. */
function crashWithALogLine(logger: Logger): void {
  const crash = (error: unknown): never => {
    logger.fatal({ err: error }, 'unexpected error, the gateway ends');
    process.exit(1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}

try {
  await start(readConfig(process.env));
} catch (error) {
  const foreseen = [ConfigError, RoutesFileError, TlsFilesError].some((kind) => error instanceof kind);
  process.stderr.write(`${foreseen ? (error as Error).message : ((error as Error).stack ?? String(error))}\n`);
  process.exit(1);
}
