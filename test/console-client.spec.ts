import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateClient } from '../scripts/console-client/generate-client.ts';
import { Stack } from './harness/stack.ts';

const CONSOLE = join(import.meta.dirname, '..', 'apps', 'console');

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack?.stop());

it('the console’s client is that of the API that is served (else: npm run openapi)', async () => {
  const { body } = await stack.client(0).get<object>('/api/openapi.json');
  for (const [name, text] of Object.entries(await generateClient(body))) {
    expect(await readFile(join(CONSOLE, 'src', 'api', 'generated', name), 'utf8')).toBe(text);
  }
});

it('the gateway serves the built console, strictly', async () => {
  const page = await stack.client(0).get('/settings/tokens');
  expect(page.headers.get('content-security-policy')).toContain(`default-src 'none'`);
  expect(page.headers.get('cache-control')).toBe('no-store');
  expect(page.text).not.toMatch(/<style|<script(?![^>]* src=)|style=|onload=/);
  for (const [, path] of page.text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
    const asset = await stack.client(0).get(path!, { headers: { 'Accept-Encoding': 'br' } });
    expect(asset.status).toBe(200);
    expect(asset.headers.get('cache-control')).toContain('immutable');
    expect(asset.headers.get('content-encoding')).toBe('br');
  }
});

it('a gateway without the console answers 404 at its paths', async () => {
  await stack.gateways[0]!.restart({ PORTCULLIS_CONSOLE: 'off' });
  for (const path of ['/', '/settings', '/assets/x.js']) {
    expect((await stack.client(0).get(path)).status).toBe(404);
  }
});
