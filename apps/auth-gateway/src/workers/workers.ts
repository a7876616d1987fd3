import cluster from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { openProcessLog } from '@portcullis/telemetry';
import type { GatewayConfig } from '../config.js';
import type { Readiness } from '../health/readiness.js';
import { WorkerSupervisor } from './worker-supervisor.js';

const READY_TIMEOUT_MS = 5_000;
const READY_POLL_MS = 20;

/** Starts the workers, if there are to be several and this is not one of them. @returns whether it did */
export async function startWorkers({ workers, instance, logLevel }: GatewayConfig): Promise<boolean> {
  if (workers === 1 || cluster.isWorker) return false;
  const log = await openProcessLog({ level: logLevel, fields: { app: 'auth-gateway', instance } });
  const supervisor = new WorkerSupervisor(workers, log);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log.info(`${signal}: stopping the workers of ${instance}`);
      supervisor.stop();
    });
  }
  supervisor.start();
  return true;
}

/**
 * A worker is given connections as soon as it listens, and the others could have answered what it can't yet. So it waits until it
 * holds a lease; not for ever, since whoever asks for its health is to hear something.
 */
export async function readyToListen({ workers }: GatewayConfig, readiness: Readiness): Promise<void> {
  if (workers === 1) return;
  const endMs = performance.now() + READY_TIMEOUT_MS;
  while (!readiness.isReady && performance.now() < endMs) await sleep(READY_POLL_MS);
}
