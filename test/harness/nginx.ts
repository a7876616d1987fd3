import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../scripts/stack/free-port.ts';
import { type ManagedProcess, startProcess } from '../../scripts/stack/processes.ts';
import { makeTemporaryDataDir, removeDataDir } from '../../scripts/stack/temporary-dir.ts';
import { ensureNginx } from '../../scripts/test/nginx-binary.ts';
import { waitUntil } from './wait-until.ts';

/** A real nginx on a port of its own. */
export interface Nginx {
  url: string;
  port: number;
  pid: number;
  log: () => string;
  stop: () => Promise<void>;
}

/**
 * @param server what stands within `http { server { … } }`, beside `listen`
 * @param http what stands within `http { … }`, beside the server
 */
export async function startNginx(server: string, http = ''): Promise<Nginx> {
  const dataDir = await makeTemporaryDataDir('portcullis-nginx-');
  const port = await freePort();
  await mkdir(join(dataDir, 'tmp'));
  await writeFile(join(dataDir, 'nginx.conf'), configuration(dataDir, port, server, http));
  let written = '';
  const process: ManagedProcess = await startProcess({
    name: 'nginx',
    command: await ensureNginx(),
    args: ['-p', dataDir, '-c', join(dataDir, 'nginx.conf'), '-e', 'stderr'],
    log: (text) => (written += text),
  });
  const url = `http://127.0.0.1:${port}`;
  await waitUntil('nginx answers', async () => {
    if (process.exit) throw new Error(`nginx ended: ${written}`);
    return (await fetch(`${url}/nginx-is-up`).catch(() => undefined))?.status === 204;
  });
  const stop = async (): Promise<void> => {
    await process.stop();
    await removeDataDir(dataDir);
  };
  return { url, port, pid: process.pid, log: () => written, stop };
}

function configuration(dataDir: string, port: number, server: string, http: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(dataDir, 'tmp', kind)};`,
  );
  // As the user who runs the test, who may be root without the right to become another.
  const user = globalThis.process.getuid?.() === 0 ? 'user root;' : '';
  return `${user}
daemon off;
worker_processes 1;
pid ${join(dataDir, 'nginx.pid')};
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  ${http}
  server {
    listen 127.0.0.1:${port};
    location = /nginx-is-up { return 204; }
    ${server}
  }
}
`;
}
