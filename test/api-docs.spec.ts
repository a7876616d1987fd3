import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConsoleBrowser, resultFile } from './harness/console-browser.ts';
import { signIn } from './harness/session-client.ts';
import { Stack } from './harness/stack.ts';

let stack: Stack;
let browser: ConsoleBrowser;
let page: Page;
const requested: string[] = [];

beforeAll(async () => {
  stack = await Stack.start();
  browser = await ConsoleBrowser.launch(stack.gateways[0]!.url);
  page = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
  page.on('request', (request) => requested.push(request.url()));
  await page.goto('/api/docs');
  await page.locator('#operations-Tokens-tokens_create').waitFor();
});
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
});

it('the page shows every operation of the API, to somebody who has not signed in', async () => {
  const { paths } = (await stack.client(0).get('/api/openapi.json')).body as { paths: Record<string, object> };
  const shown = await page
    .locator('.opblock-summary-path')
    .evaluateAll((all) => all.map((each) => each.getAttribute('data-path')));
  const described = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map(() => path));
  expect(shown.toSorted()).toEqual(described.toSorted());
  await page.screenshot({ path: resultFile('api-docs.png') });
});

it('an operation opens and shows its request, its answers and its errors', async () => {
  await page.locator('#operations-Tokens-tokens_create .opblock-summary').click();
  const operation = page.locator('#operations-Tokens-tokens_create');
  await operation.getByText('api-production').first().waitFor();
  expect(
    await operation.locator('tr.response').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-code'))),
  ).toEqual(expect.arrayContaining(['201', '400', '401', '403', '409']));
  await operation.scrollIntoViewIfNeeded();
  await page.screenshot({ path: resultFile('api-docs-operation.png') });
});

it('an operation can be tried out by the session of whoever is signed in', async () => {
  const session = await signIn(stack.client(0), 'admin', stack.adminPassword);
  const own = await browser.pageOf(session, '/api/docs');
  const operation = own.locator('#operations-Users-users_me');
  await operation.locator('.opblock-summary').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  const answer = operation.locator('.live-responses-table');
  await answer.waitFor();
  expect(await answer.textContent()).toContain('admin@example.com');
  await own.close();
});

it('the page asks no other origin for anything, and breaks no rule of its policy', async () => {
  expect(requested.length).toBeGreaterThan(4);
  expect(requested.filter((url) => !url.startsWith(`${browser.url}/`) && !url.startsWith('data:'))).toEqual([]);
  expect(browser.complaints).toEqual([]);
  const policy = (await stack.client(0).get('/api/docs')).headers.get('content-security-policy');
  expect(policy).toContain(`default-src 'none'`);
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
});

it('its files come compressed, and not again to whoever has them', async () => {
  const path = '/api/docs/swagger-ui-bundle.js';
  const { headers, text } = await stack.client(0).get(path, { headers: { 'Accept-Encoding': 'gzip' } });
  expect(headers.get('content-encoding')).toBe('gzip');
  const plain = await stack.client(0).get(path, { headers: { 'Accept-Encoding': 'identity' } });
  expect(plain.headers.get('content-encoding')).toBeNull();
  expect(plain.text).toBe(text);
  const again = await stack.client(0).get(path, {
    headers: { 'Accept-Encoding': 'gzip', 'If-None-Match': headers.get('etag')! },
  });
  expect(again.status).toBe(304);
  for (const name of ['none.js', '..%2fpackage.json', 'constructor'])
    expect((await stack.client(0).get(`/api/docs/${name}`)).status).toBe(name.includes('%2f') ? 400 : 404);
});
