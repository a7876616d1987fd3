import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureProgram } from '../../../scripts/stack/debian-program.ts';
import { freePort } from '../../../scripts/stack/free-port.ts';
import { startProcess } from '../../../scripts/stack/processes.ts';
import { makeTemporaryDataDir, removeDataDir } from '../../../scripts/stack/temporary-dir.ts';
import { waitUntil } from '../../../test/harness/wait-until.ts';
import type { Contender } from './contender.ts';

const HAPROXY = {
  name: 'haproxy',
  variable: 'HAPROXY_BIN',
  versionArgument: '-v',
  version: /^HAProxy /,
  howToGetIt: 'Debian and Ubuntu: apt-get install haproxy',
};

/** One thread, connections to the upstream kept. @returns undefined where there is no HAProxy */
export async function haproxyContender(upstream: string): Promise<Contender | undefined> {
  const program = await ensureProgram(HAPROXY).catch(() => undefined);
  if (program === undefined) return undefined;
  const dataDir = await makeTemporaryDataDir('portcullis-haproxy-');
  const [port, file] = [await freePort(), join(dataDir, 'haproxy.cfg')];
  await writeFile(file, configuration(port, new URL(upstream).host));
  let written = '';
  const process = await startProcess({
    name: 'haproxy',
    command: program,
    args: ['-db', '-f', file],
    log: (text) => (written += text),
  });
  const url = `http://127.0.0.1:${port}`;
  await waitUntil('HAProxy answers', async () => {
    if (process.exit) throw new Error(`haproxy ended: ${written}`);
    return (await fetch(url).catch(() => undefined))?.status === 200;
  });
  const stop = async (): Promise<void> => {
    await process.stop();
    await removeDataDir(dataDir);
  };
  return { name: 'HAProxy', url, pid: process.pid, stop };
}

function configuration(port: number, upstream: string): string {
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  default_backend api
backend api
  server api ${upstream}
`;
}
