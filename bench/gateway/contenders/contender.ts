import { fork } from 'node:child_process';
import { once } from 'node:events';

/** A proxy in front of the upstream, in a process of its own. */
export interface Contender {
  name: string;
  url: string;
  pid: number;
  stop: () => Promise<void> | void;
}

/** One that is a program of this folder: it is told the upstream and a token that is good, and answers with its port. */
export async function forkContender(
  name: string,
  program: string,
  upstream: string,
  token: string,
): Promise<Contender> {
  const child = fork(new URL(program, import.meta.url), { env: { ...process.env, UPSTREAM: upstream, TOKEN: token } });
  const [port] = (await once(child, 'message')) as [number];
  return { name, url: `http://127.0.0.1:${port}`, pid: child.pid!, stop: () => child.disconnect() };
}
