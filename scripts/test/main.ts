import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildIfChanged } from '../stack/build.ts';
import { ensureNatsServer } from '../stack/nats-server-binary.ts';

// `npm test`: everything the suite needs, then Vitest with the arguments that were given.
const repository = join(import.meta.dirname, '..', '..');

try {
  const natsServer = await ensureNatsServer({ notice: (line) => console.log(line) });
  const startedMs = performance.now();
  const built = await buildIfChanged(repository);
  if (built) console.log(`built (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`);
  runVitest(process.argv.slice(2), natsServer);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function runVitest(args: string[], natsServer: string): void {
  const vitest = spawn(process.execPath, [join(repository, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args], {
    cwd: repository,
    stdio: 'inherit',
    env: { ...process.env, NATS_SERVER_BIN: natsServer },
  });
  // Vitest gets the terminal's Ctrl-C itself; this process only has to outlive it.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => vitest.kill(signal));
  process.on('disconnect', () => vitest.kill('SIGTERM'));
  vitest.once('exit', (code) => process.exit(code ?? 1));
}
