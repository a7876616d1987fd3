import type { Stack } from '../../../test/harness/stack.ts';
import type { BareUpstream } from '../../measuring/upstream.ts';
import { type Contender, forkContender } from './contender.ts';
import { haproxyContender } from './haproxy.ts';
import { nginxContender } from './nginx.ts';

export interface Contenders {
  /** The stack's gateways: one as it is, one that answers nginx at /verify and doesn't count bad tokens, and one of several workers, if there is one. */
  gateway: Contender;
  unlimited: Contender;
  workers: Contender | undefined;
  /** Proxies without a guard, and answers without an upstream: what there is to compare with. */
  bare: Contender;
  answer: Contender;
  /** An experiment: see its own words. */
  lean: Contender;
  others: Contender[];
  stop: () => Promise<void>;
}

const GATEWAYS = ['Portcullis', 'Portcullis, bad tokens without limit', 'Portcullis, several workers'];

export async function startContenders(stack: Stack, upstream: BareUpstream, token: string): Promise<Contenders> {
  const [gateway, unlimited, workers] = stack.gateways.map(({ url, process: { pid } }, index) => ({
    name: GATEWAYS[index]!,
    url,
    pid,
    stop: () => undefined,
  }));
  const forked = (name: string, program: string): Promise<Contender> =>
    forkContender(name, program, upstream.url, token);
  const started = await Promise.all([
    forked('undici on node:http, no guard', 'bare-undici-process.ts'),
    forked('node:http answering by itself', 'bare-answer-process.ts'),
    forked('@fastify/http-proxy + bearer-auth', 'fastify-process.ts'),
    forked('a lean client, no guard', 'lean-client-process.ts'),
    nginxContender('nginx, no guard', upstream.url),
    nginxContender('nginx with a key map', upstream.url, token),
    haproxyContender(upstream.url),
  ]);
  const [bare, answer, fastify, lean, ...servers] = started;
  const others = [fastify, ...servers.filter((contender) => contender !== undefined)];
  const stop = async (): Promise<void> => void (await Promise.all(started.map((contender) => contender?.stop())));
  return { gateway: gateway!, unlimited: unlimited!, workers, bare, answer, lean, others, stop };
}
