import 'reflect-metadata';
import type { RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Logger as NestLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConfigurationError } from '@portcullis/configuration';
import { ProblemFilter, problemValidationPipe } from '@portcullis/contracts';
import {
  endOnUnexpectedErrors,
  NestLog,
  openProcessLog,
  type ProcessLog,
  startTracing,
  type Tracing,
} from '@portcullis/telemetry';
import { CertificateFiles, TlsFilesError } from '@portcullis/tls';
import { AuthGatewayModule } from './auth-gateway.module.js';
import { RoutesFile, RoutesFileError } from './authorization/routes-file.js';
import { readConsoleFiles } from './console/console-files.js';
import { ConsoleSite } from './console/console-site.js';
import { type GatewayConfig, readConfig } from './config.js';
import { Readiness } from './health/readiness.js';
import { packageVersion } from './health/package-version.js';
import { AccessLog } from './observation/access-log.js';
import { RequestObserver } from './observation/request-observer.js';
import { DataPath } from './proxy/data-path.js';
import { createGatewayServer, leaveClientErrorToServer } from './proxy/http-server.js';
import { shutDown } from './shutdown.js';
import { TokenServiceTls } from './tls/token-service-tls.js';
import { readyToListen, startWorkers } from './workers/workers.js';

const APP = 'auth-gateway';
const CONSOLE_FOLDER = fileURLToPath(new URL('../../console/dist', import.meta.url));

/** Starts the gateway. It listens at once and answers 503 until it holds a lease. */
async function start(config: GatewayConfig): Promise<void> {
  const log = await openProcessLog({ level: config.logLevel, fields: { app: APP, instance: config.instance } });
  NestLogger.overrideLogger(new NestLog(log));
  endOnUnexpectedErrors(log);
  try {
    await run(config);
  } catch (error) {
    endWithALogLine(log, error);
  }
}

async function run(config: GatewayConfig): Promise<void> {
  const logger = new NestLogger('Gateway');
  const app = await createApp(config, await tracingFor(config));
  stopOnSignals(app, logger);
  try {
    await app.init();
    await readyToListen(config, app.get(Readiness));
    await app.listen({ port: config.port, host: config.host });
  } catch (error) {
    await shutDown(app, logger); // a lease may be held by now
    throw error;
  }
  const url = new URL(await app.getUrl());
  if (config.tls) url.protocol = 'https:';
  logger.log(`gateway ${config.instance} listens on ${url.origin}`);
}

async function tracingFor({ tracing, instance }: GatewayConfig): Promise<Tracing | undefined> {
  if (!tracing) return undefined;
  const traced = { serviceName: `portcullis-${APP}`, serviceVersion: packageVersion(), instance };
  return startTracing(tracing, traced, new NestLogger('Tracing'));
}

/** @returns undefined when requests are neither logged nor traced */
async function observerFor(
  { accessLog: share, instance }: GatewayConfig,
  tracing: Tracing | undefined,
): Promise<RequestObserver | undefined> {
  if (share === 0 && !tracing) return undefined;
  // A log of its own: whoever asks for these lines gets them, whatever the level of the others.
  const fields = { app: APP, instance, context: 'access' };
  const log = share > 0 ? new AccessLog(await openProcessLog({ level: 'info', fields })) : undefined;
  return new RequestObserver(log, share, tracing);
}

async function createApp(config: GatewayConfig, tracing: Tracing | undefined): Promise<NestFastifyApplication> {
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
  const observer = await observerFor(config, tracing);
  const module = AuthGatewayModule.register(config, routes, observer, tracing, tokenServiceTls);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    abortOnError: false,
  });
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

function stopOnSignals(app: NestFastifyApplication, logger: NestLogger): void {
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

/** One line for what the one who starts it can mend, all that is known for the rest. */
function endWithALogLine(log: ProcessLog, error: unknown): never {
  if (error instanceof RoutesFileError || error instanceof TlsFilesError) log.fatal(error.message);
  else log.fatal({ err: error }, "the gateway can't start");
  process.exit(1);
}

try {
  const config = readConfig(process.env);
  if (!(await startWorkers(config))) await start(config);
} catch (error) {
  // Before there is a log: it says how to log.
  process.stderr.write(`${error instanceof ConfigurationError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
