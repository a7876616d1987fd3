import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildIfChanged } from '../stack/build.ts';
import { ensureChromium } from '../stack/chromium-binary.ts';
import { ensureNatsServer } from '../stack/nats-server-binary.ts';
import { ensureOpenssl } from '../stack/openssl-binary.ts';
import { ensureNginx } from './nginx-binary.ts';

// `npm test`: everything the suite needs, then Vitest with the arguments that were given.
const repository = join(import.meta.dirname, '..', '..');
const notice = (line: string): void => console.log(line);

try {
  const args = process.argv.slice(2);
  const binaries = {
    NATS_SERVER_BIN: await ensureNatsServer({ notice }),
    OPENSSL_BIN: await ensureOpenssl({ notice }),
    ...(wants(args, 'console') && { CHROMIUM_BIN: await ensureChromium({ notice }) }),
    ...(wants(args, 'forward-auth') && { NGINX_BIN: await ensureNginx({ notice }) }),
  };
  const startedMs = performance.now();
  const built = await buildIfChanged(repository);
  if (built) console.log(`built (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`);
  runVitest(args, binaries);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** What only some tests need is needed when nothing else is asked for, or when they are. */
function wants(args: string[], name: string): boolean {
  const filters = args.filter((arg, index) => !arg.startsWith('-') && !args[index - 1]?.startsWith('--'));
  return filters.length === 0 || filters.some((filter) => filter.includes(name));
}

function runVitest(args: string[], programs: NodeJS.ProcessEnv): void {
  const vitest = spawn(process.execPath, [join(repository, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args], {
    cwd: repository,
    stdio: 'inherit',
    env: { ...process.env, ...programs },
  });
  // Vitest gets the terminal's Ctrl-C itself; this process only has to outlive it.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => vitest.kill(signal));
  process.on('disconnect', () => vitest.kill('SIGTERM'));
  vitest.once('exit', (code) => process.exit(code ?? 1));
}
