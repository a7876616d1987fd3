import { join } from 'node:path';
import type { Stack } from '../../test/harness/stack.ts';
import { writeTokensScript, writeUploadScript } from '../measuring/wrk.ts';
import type { Trial } from './comparison.ts';
import type { Contenders } from './contenders/all.ts';
import { writeForgedTokens, writeGoodTokens, writeRandomTokens } from './tokens.ts';

export const PATH = '/api/datastores';
const LARGE_BYTES = 100_000;
const JUNK_TOKENS = 50_000;

export interface TrialOptions {
  stack: Stack;
  contenders: Contenders;
  token: string;
  /** How many different good tokens. */
  tokens: number;
  /** A folder for what wrk reads. */
  files: string;
  /** Which trials are wanted, by their names. */
  wanted: (name: string) => boolean;
}

export async function makeTrials(options: TrialOptions): Promise<Trial[]> {
  const { gateway, unlimited, workers, bare, answer, lean, others } = options.contenders;
  const { token, tokens, files } = options;
  const proxies = [bare, gateway, ...others];
  const hot = { path: PATH, connections: 64, token };
  const upload = join(files, 'upload.lua');
  await writeUploadScript(upload, LARGE_BYTES);
  const junk = await junkTokens(options);
  const many = `${tokens} tokens in turn, 64 connections`;
  const manyTokens = await fromFile(files, 'good', (path) =>
    options.wanted(many) ? writeGoodTokens(options.stack, path, tokens) : undefined,
  );
  const trials: Trial[] = [
    { name: 'one token, 64 connections', contenders: proxies, load: hot },
    { name: 'one token, 1 connection', contenders: proxies, load: { ...hot, connections: 1 } },
    { name: 'one token, 512 connections', contenders: proxies, load: { ...hot, connections: 512 } },
    { name: 'an answer of 100 kB, 64 connections', contenders: proxies, load: { ...hot, path: `${PATH}/large` } },
    { name: 'a request of 100 kB, 64 connections', contenders: proxies, load: { ...hot, script: upload } },
    { name: many, contenders: [bare, gateway], load: manyTokens, warmUpRequests: tokens },
    {
      name: 'refused: random tokens, 64 connections',
      contenders: [answer, unlimited, gateway],
      load: junk.random,
      refused: true,
    },
    {
      name: 'refused: forged tokens, 64 connections',
      contenders: [answer, unlimited, gateway],
      load: junk.forged,
      refused: true,
    },
    { name: 'forward-auth, 64 connections', contenders: [answer, unlimited], load: { ...hot, ...ASKED_BY_NGINX } },
    { name: 'a lean client, 64 connections', contenders: [bare, lean, gateway], load: hot },
    ...(workers ? [{ name: 'workers, 64 connections', contenders: [gateway, workers], load: hot }] : []),
  ];
  return trials.filter(({ name }) => options.wanted(name));
}

const ASKED_BY_NGINX = { path: '/verify', headers: { 'X-Original-Method': 'GET', 'X-Original-URI': PATH } };

async function junkTokens({ files, token }: TrialOptions): Promise<{ random: Trial['load']; forged: Trial['load'] }> {
  return {
    random: await fromFile(files, 'random', (path) => writeRandomTokens(path, JUNK_TOKENS)),
    forged: await fromFile(files, 'forged', (path) => writeForgedTokens(path, token, JUNK_TOKENS)),
  };
}

/** A load that goes through the tokens in a file. */
async function fromFile(
  files: string,
  name: string,
  write: (path: string) => Promise<void> | undefined,
): Promise<Trial['load']> {
  const [script, path] = [join(files, 'tokens.lua'), join(files, name)];
  await writeTokensScript(script);
  await write(path);
  return { path: PATH, connections: 64, script, scriptArguments: [path] };
}
