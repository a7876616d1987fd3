import { setTimeout as sleep } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import { TRACING, type Tracing } from '@portcullis/telemetry';
import { AccessFollower } from './access-view/access-follower.js';
import { RoutesFile } from './authorization/routes-file.js';
import { Readiness } from './health/readiness.js';
import { DataPath } from './proxy/data-path.js';
import { UsageReporter } from './usage/usage-reporter.js';

const IN_FLIGHT_TIMEOUT_MS = 10_000;
const USAGE_TIMEOUT_MS = 3_000;
const RELEASE_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 5_000;
const TRACES_TIMEOUT_MS = 2_000;

interface ShutdownLog {
  log(message: string): void;
  warn(message: string): void;
}

/**
 * Ends the gateway so that nobody is admitted wrongly and no revocation waits for it: refuse every request first, let those in
 * flight finish, report what was used, and only then give the lease back. Each step is bounded in time. Never throws.
 */
export async function shutDown(app: INestApplication, log: ShutdownLog): Promise<void> {
  const dataPath = app.get(DataPath);
  const tracing = app.get<Tracing | undefined>(TRACING);
  app.get(Readiness).drain();
  app.get(RoutesFile).close();
  dataPath.startDraining();

  const step = boundedSteps(log);
  await step(
    'requests in flight',
    IN_FLIGHT_TIMEOUT_MS,
    async () => void (await dataPath.drained(IN_FLIGHT_TIMEOUT_MS)),
  );
  await step('the last usage report', USAGE_TIMEOUT_MS + 500, () => app.get(UsageReporter).stop(USAGE_TIMEOUT_MS));
  await step('releasing the lease', RELEASE_TIMEOUT_MS, () => app.get(AccessFollower).release());
  await step('closing connections', CLOSE_TIMEOUT_MS, () => app.close());
  await tracing?.shutDown(TRACES_TIMEOUT_MS);
}

/** Makes a function that runs one step and goes on, with a warning, when it fails or takes too long. */
function boundedSteps(log: ShutdownLog) {
  return async (name: string, timeoutMs: number, run: () => Promise<void>): Promise<void> => {
    const tooLate = sleep(timeoutMs, 'too late' as const, { ref: false });
    try {
      if ((await Promise.race([run(), tooLate])) === 'too late') log.warn(`shutdown: ${name} took too long`);
    } catch (error) {
      log.warn(`shutdown: ${name} failed: ${(error as Error).message}`);
    }
  };
}
