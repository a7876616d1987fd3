import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConsoleFiles } from './console-files.js';
import { ConsoleSite } from './console-site.js';

const SCRIPT = 'console.log(1);';
let folder: string;
let server: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-console-'));
  writeFileSync(join(folder, '..', 'portcullis-console-secret.js'), 'secret');
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<title>console</title>');
  writeFileSync(join(folder, 'assets', 'a-1.js'), SCRIPT);
  writeFileSync(join(folder, 'assets', 'a-1.js.br'), brotliCompressSync(SCRIPT));
  writeFileSync(join(folder, 'assets', 'a-1.js.gz'), gzipSync(SCRIPT));
  const site = new ConsoleSite(readConsoleFiles(folder)!);
  server = createServer(site.before((_request, response) => response.writeHead(418).end('next')));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
  rmSync(join(folder, '..', 'portcullis-console-secret.js'));
});

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { 'accept-encoding': 'identity', ...init.headers };
  return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { ...init, headers });
}

describe('the console’s page', () => {
  it.each(['/', '/settings', '/settings/tokens/7?list=service', '/cli/authorize?state=x'])(
    'is at %s, never cached',
    async (path) => {
      const answer = await ask(path);
      expect(await answer.text()).toContain('<title>console</title>');
      expect(answer.headers.get('cache-control')).toBe('no-store');
    },
  );

  it('may load what is its own and nothing else, in no frame', async () => {
    const { headers } = await ask('/');
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain(`default-src 'none'`);
    expect(policy).toContain(`frame-ancestors 'none'`);
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('permissions-policy')).toContain('camera=()');
  });

  it('isn’t at paths that are nobody’s or somebody else’s', async () => {
    for (const path of ['/settingsx', '/index.html', '/livez', '/sign-in']) {
      expect((await ask(path)).status).toBe(418);
    }
    for (const path of ['/assets', '/assets/', '/assets/none.js', '/assets/a-1.js.br', '/favicon.svg']) {
      expect((await ask(path)).status).toBe(404);
    }
  });
});

describe('the console’s files', () => {
  it('are kept for good, for their names change with what is in them', async () => {
    const answer = await ask('/assets/a-1.js');
    expect(await answer.text()).toBe(SCRIPT);
    expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(answer.headers.get('content-type')).toContain('text/javascript');
  });

  it.each([
    ['br, gzip', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip'],
    ['identity', null],
    ['', null],
  ])('come compressed as the client takes them: %s', async (accepted, encoding) => {
    const answer = await ask('/assets/a-1.js', { headers: { 'accept-encoding': accepted } });
    expect(answer.headers.get('content-encoding')).toBe(encoding);
    expect(answer.headers.get('vary')).toBe('Accept-Encoding');
    expect(await answer.text()).toBe(SCRIPT);
  });

  it('aren’t sent again to a client that has them', async () => {
    const etag = (await ask('/assets/a-1.js')).headers.get('etag')!;
    for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      expect((await ask('/assets/a-1.js', { headers: { 'if-none-match': tags } })).status).toBe(304);
    }
    expect((await ask('/assets/a-1.js', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  it('answer HEAD without a body, and nothing else', async () => {
    const head = await ask('/assets/a-1.js', { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(SCRIPT.length));
    expect(await head.text()).toBe('');
    const post = await ask('/assets/a-1.js', { method: 'POST', body: 'x' });
    expect(post.status).toBe(405);
    expect(post.headers.get('allow')).toBe('GET, HEAD');
  });

  it('lead nowhere else', async () => {
    for (const path of [
      '/assets/..%2f..%2fportcullis-console-secret.js',
      '/assets/%2e%2e%2f%2e%2e%2fportcullis-console-secret.js',
    ]) {
      expect((await ask(path)).status).toBe(404);
    }
  });

  it('are undefined where the console isn’t built', () => {
    expect(readConsoleFiles(join(folder, 'none'))).toBeUndefined();
  });
});
