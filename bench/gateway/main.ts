import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeServiceToken } from '../../test/harness/fixtures.ts';
import { Stack } from '../../test/harness/stack.ts';
import { BareUpstream } from '../measuring/upstream.ts';
import { writeTokensScript, writeUploadScript } from '../measuring/wrk.ts';
import { compare, type Trial } from './comparison.ts';
import { type Contender, forkContender } from './contenders/contender.ts';
import { haproxyContender } from './contenders/haproxy.ts';
import { nginxContender } from './contenders/nginx.ts';
import { profileOf } from './profile.ts';
import { writeForgedTokens, writeGoodTokens, writeRandomTokens } from './tokens.ts';

const HELP = `npm run bench:gateway -- [options]

Measures what the gateway costs beside other proxies, on the real parts: Postgres, NATS, token-service, gateway, with everything
on. Each line is the median of several runs, in which the contenders take turns; CPU is that of the proxy alone, and × compares
it with the first contender, run by run.

  --seconds N   how long a run takes (default 3)
  --rounds N    runs of each contender (default 5)
  --tokens N    how many different tokens there are (default 100000); issuing them takes a minute or two
  --only TEXT   only the trials whose names have TEXT in them
  --profile     say where the gateway's time went, by function; with --only, that of one trial
  --help`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '100000' },
    only: { type: 'string', default: '' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const PATH = '/api/datastores';
const LARGE_BYTES = 100_000;
const JUNK_TOKENS = 50_000;
const [seconds, rounds, tokens] = [Number(values.seconds), Number(values.rounds), Number(values.tokens)];

const files = await mkdtemp(join(tmpdir(), 'portcullis-bench-'));
const upstream = await BareUpstream.start();
const stack = await Stack.start({
  routes: upstream.routes(PATH),
  ownPostgres: true,
  gateways: 2,
  tokenServiceEnv: { PORTCULLIS_LOG_LEVEL: 'warn' },
  gatewayEnv: (index) => ({
    PORTCULLIS_LOG_LEVEL: 'warn',
    ...(values.profile && { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${files}` }),
    ...(index === 1 && { PORTCULLIS_FORWARD_AUTH: 'nginx' }),
  }),
});
const contenders: Contender[] = [];
try {
  const { bearer_token: token } = await makeServiceToken(stack.admin);
  for (const trial of await trials(token)) {
    if (!trial.name.includes(values.only)) continue;
    for (const line of await compare(trial, seconds, rounds)) console.log(line);
  }
  if (values.profile) await printProfiles();
} finally {
  await Promise.all(contenders.map((contender) => contender.stop()));
  await stack.stop();
  upstream.stop();
  await rm(files, { recursive: true });
}

async function trials(token: string): Promise<Trial[]> {
  const [gateway, verify] = stack.gateways.map((app, index): Contender => ({
    name: index === 0 ? 'Portcullis' : 'Portcullis, /verify',
    url: app.url,
    pid: app.process.pid,
    stop: () => undefined,
  })) as [Contender, Contender];
  const bare = await started(
    forkContender('undici on node:http, no guard', 'bare-undici-process.ts', upstream.url, token),
  );
  const fastify = await started(
    forkContender('@fastify/http-proxy + bearer-auth', 'fastify-process.ts', upstream.url, token),
  );
  const answer = await started(
    forkContender('node:http answering by itself', 'bare-answer-process.ts', upstream.url, token),
  );
  const nginx = await started(nginxContender('nginx, no guard', upstream.url));
  const nginxKeys = await started(nginxContender('nginx with a key map', upstream.url, token));
  const haproxy = await haproxyContender(upstream.url);
  if (haproxy) contenders.push(haproxy);
  else console.error('HAProxy is not here: it is left out');

  const proxies = [bare, gateway, fastify, nginx, nginxKeys, ...(haproxy ? [haproxy] : [])];
  const hot = { path: PATH, connections: 64, token };
  const [tokensScript, uploadScript] = [join(files, 'tokens.lua'), join(files, 'upload.lua')];
  await writeTokensScript(tokensScript);
  await writeUploadScript(uploadScript, LARGE_BYTES);
  const fromFile = (path: string): Trial['load'] => ({
    path: PATH,
    connections: 64,
    script: tokensScript,
    scriptArguments: [path],
  });
  const [good, random, forged] = ['good', 'random', 'forged'].map((name) => join(files, name)) as [
    string,
    string,
    string,
  ];
  await writeRandomTokens(random, JUNK_TOKENS);
  await writeForgedTokens(forged, token, JUNK_TOKENS);
  const manyTokens = `${tokens} tokens in turn, 64 connections`;
  if (manyTokens.includes(values.only)) await writeGoodTokens(stack, good, tokens);

  return [
    { name: 'one token, 64 connections', contenders: proxies, reference: bare, load: hot },
    { name: 'one token, 1 connection', contenders: proxies, reference: bare, load: { ...hot, connections: 1 } },
    { name: 'one token, 512 connections', contenders: proxies, reference: bare, load: { ...hot, connections: 512 } },
    {
      name: 'an answer of 100 kB, 64 connections',
      contenders: proxies,
      reference: bare,
      load: { ...hot, path: `${PATH}/large` },
    },
    {
      name: 'a request of 100 kB, 64 connections',
      contenders: proxies,
      reference: bare,
      load: { ...hot, script: uploadScript },
    },
    { name: manyTokens, contenders: [bare, gateway], reference: bare, load: fromFile(good) },
    {
      name: 'refused: random tokens, 64 connections',
      contenders: [answer, gateway],
      reference: answer,
      load: fromFile(random),
      refused: true,
    },
    {
      name: 'refused: forged tokens, 64 connections',
      contenders: [answer, gateway],
      reference: answer,
      load: fromFile(forged),
      refused: true,
    },
    {
      name: 'forward-auth, 64 connections',
      contenders: [answer, verify],
      reference: answer,
      load: { ...hot, path: '/verify', headers: { 'X-Original-Method': 'GET', 'X-Original-URI': PATH } },
    },
  ];
}

async function printProfiles(): Promise<void> {
  for (const { name, process: app } of stack.gateways) {
    await app.stop();
    console.log(`\n${name}: where its time went`);
    for (const line of await profileOf(files, app.pid)) console.log(line);
  }
}

async function started(starting: Promise<Contender>): Promise<Contender> {
  const contender = await starting;
  contenders.push(contender);
  return contender;
}
