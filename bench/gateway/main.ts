import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeServiceToken } from '../../test/harness/fixtures.ts';
import { Stack } from '../../test/harness/stack.ts';
import { BareUpstream } from '../measuring/upstream.ts';
import { compare } from './comparison.ts';
import { startContenders } from './contenders/all.ts';
import { profileOf } from './profile.ts';
import { measureAddedLatency, measureMemory } from './steady.ts';
import { makeTrials, PATH } from './trials.ts';

const HELP = `npm run bench:gateway -- [options]

Measures what the gateway costs beside other proxies, on the real parts: Postgres, NATS, token-service, gateway, with everything
on. Each line is the median of several runs, in which the contenders take turns; CPU is that of the proxy alone, and × compares
it with the first contender, run by run.

  --seconds N   how long a run takes (default 3)
  --rounds N    runs of each contender (default 5)
  --tokens N    how many different tokens there are (default 100000); issuing them takes a minute or two
  --only TEXT   only the trials whose names have TEXT in them
  --workers N   also with a gateway of N workers (default 2; 1 leaves it out)
  --minutes N   how long to watch its memory at 2,000 requests a second (default 0)
  --profile     say where the gateway's time went, by function; with --only, that of one trial
  --help`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '100000' },
    only: { type: 'string', default: '' },
    workers: { type: 'string', default: '2' },
    minutes: { type: 'string', default: '0' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const REQUESTS_PER_SECOND = 2_000;
const [seconds, rounds, tokens] = [Number(values.seconds), Number(values.rounds), Number(values.tokens)];
const [workers, minutes] = [Number(values.workers), Number(values.minutes)];
const wanted = (name: string): boolean => name.includes(values.only);

const files = await mkdtemp(join(tmpdir(), 'portcullis-bench-'));
const upstream = await BareUpstream.start();
const stack = await Stack.start({
  routes: upstream.routes(PATH),
  ownPostgres: true,
  gateways: workers > 1 ? 3 : 2,
  tokenServiceEnv: { PORTCULLIS_LOG_LEVEL: 'warn' },
  gatewayEnv: (index) => ({
    PORTCULLIS_LOG_LEVEL: 'warn',
    ...(values.profile && { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${files}` }),
    ...(index === 1 && { PORTCULLIS_FORWARD_AUTH: 'nginx', PORTCULLIS_FAILED_AUTH_LIMIT: 'off' }),
    ...(index === 2 && { PORTCULLIS_WORKERS: String(workers) }),
  }),
});
try {
  await measure();
  if (values.profile) await printProfile();
} finally {
  await stack.stop();
  upstream.stop();
  await rm(files, { recursive: true });
}

async function measure(): Promise<void> {
  const { bearer_token: token } = await makeServiceToken(stack.admin);
  const contenders = await startContenders(stack, upstream, token);
  try {
    for (const trial of await makeTrials({ stack, contenders, token, tokens, files, wanted })) {
      print(await compare(trial, seconds, rounds));
    }
    const load = { token, path: PATH, requestsPerSecond: REQUESTS_PER_SECOND };
    const { bare, gateway } = contenders;
    const targets = [{ name: 'straight to the upstream', url: upstream.url }, bare, gateway];
    if (wanted('requests a second')) print(await measureAddedLatency(targets, load, seconds, rounds));
    if (minutes > 0) print(await measureMemory(gateway, load, minutes));
  } finally {
    await contenders.stop();
  }
}

async function printProfile(): Promise<void> {
  const { process: app } = stack.gateways[wanted('forward-auth') && values.only !== '' ? 1 : 0]!;
  await app.stop();
  console.log('\nwhere the time of the gateway went');
  print(await profileOf(files, app.pid));
}

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line);
}
