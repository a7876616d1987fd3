import { startNginx } from '../../../test/harness/nginx.ts';
import type { Contender } from './contender.ts';

/** @param token the only one that is let in; undefined: everyone is */
export async function nginxContender(name: string, upstream: string, token?: string): Promise<Contender> {
  const http = `
  upstream api { server ${new URL(upstream).host}; keepalive 512; }
  keepalive_requests 1000000000;
  map_hash_bucket_size 1024;
  map $http_authorization $allowed { default 0; "Bearer ${token}" 1; }`;
  const server = `
    location / {
      ${token === undefined ? '' : 'if ($allowed = 0) { return 401; }'}
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }`;
  const nginx = await startNginx(server, http);
  return { name, url: nginx.url, pid: nginx.pid, stop: nginx.stop };
}
