import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConsoleBrowser, PHONE, resultFile } from './harness/console-browser.ts';
import type { HttpClient } from './harness/http-client.ts';
import { makePerson, makeServiceUser, makeToken } from './harness/fixtures.ts';
import { pictureFacts } from './harness/screenshot.ts';
import { makeSignedIn } from './harness/people.ts';
import { type SessionClient, signIn } from './harness/session-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

interface Screen {
  name: string;
  /** Signed in as the Admin, unless it is the sign-in. */
  isSignedOut?: boolean;
  /** Somebody else, whose page it is. */
  as?: () => Promise<SessionClient>;
  path: () => string;
  /** What is done once the page is there, until what is to be seen is seen. */
  until: (page: Page) => Promise<unknown>;
}

interface AxeResults {
  violations: { id: string; help: string; nodes: { target: string[]; failureSummary?: string }[] }[];
}

const COLOR_SCHEMES = ['light', 'dark'] as const;
const cliPath = (redirectUri: string) =>
  `/cli/authorize?${new URLSearchParams({ redirect_uri: redirectUri, state: 's', hostname: 'build-7', code_challenge: 'a'.repeat(43) })}`;

let stack: Stack;
let browser: ConsoleBrowser;
let session: SessionClient;
let usedToken: number;
let axe: string;

beforeAll(async () => {
  stack = await Stack.start({ gateways: 3 });
  usedToken = await furnish(stack.admin);
  session = await signIn(stack.client(0), 'admin', stack.adminPassword);
  browser = await ConsoleBrowser.launch(stack.gateways[0]!.url);
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
});
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
});

/** Something to look at: tokens of every status, people, service users. @returns the id of a token that was used */
async function furnish(admin: HttpClient): Promise<number> {
  await admin.post('/api/teams', { name: 'Data Engineering' });
  await makePerson(admin, { name: 'Ada Lovelace', role: 'Manager', teams: ['Data Engineering'] });
  const airflow = await makeServiceUser(admin, { name: 'Airflow', teams: ['Data Engineering'] });
  const loader = await makeServiceUser(admin, { name: 'Warehouse Loader' });
  const used = await makeToken(admin, { name: 'airflow-production', user_id: airflow.id, expires_in_days: 365 });
  await makeToken(admin, { name: 'airflow-staging', user_id: airflow.id, expires_in_days: 20 });
  await makeToken(admin, { name: 'okta provisioning', user_id: airflow.id, scim: true });
  const revoked = await makeToken(admin, { name: 'nightly load', user_id: loader.id, expires_in_days: null });
  const expired = await makeToken(admin, { name: 'migration 2026', user_id: loader.id });
  await admin.put(`/api/user-tokens/${revoked.id}`, { revoke: true });
  await stack.database.pool.query(
    `UPDATE tokens SET expires_at = date_trunc('second', now()) - interval '3 days' WHERE id = $1`,
    [expired.id],
  );
  await stack.database.pool.query(
    `INSERT INTO token_usage_hourly (token_id, hour, count, last_used, last_ip)
     SELECT $1, date_trunc('hour', now()) - make_interval(hours => n), 40 + (n * 37) % 90, now(), '192.0.2.7'
     FROM generate_series(1, 700) n ON CONFLICT DO NOTHING`,
    [used.id],
  );
  await stack.client(0, used.bearer_token).get('/api/datastores');
  await waitUntil('the use is counted', async () => (await admin.get(`/api/user-tokens/${used.id}`)).body.last_used);
  return used.id;
}

const table = (name: string) => (page: Page) => page.getByRole('table', { name }).waitFor();
const menuOf = (name: string) => (page: Page) => page.getByRole('button', { name: `Actions for ${name}` }).click();

async function pick(page: Page, row: string, item: string): Promise<void> {
  await menuOf(row)(page);
  await page.getByRole('menuitem', { name: item, exact: true }).click();
  await page.getByRole('dialog').waitFor();
}

const tokens = () => '/settings/tokens?list=service';
const users = () => '/settings/users';
const SCREENS: readonly Screen[] = [
  { name: 'sign-in', isSignedOut: true, path: () => '/', until: (page) => page.getByLabel('User name').waitFor() },
  {
    name: 'session-ended',
    as: async () => (await makeSignedIn(stack.admin, { role: 'Manager' })).session,
    path: tokens,
    until: async (page) => {
      await page.getByRole('tab', { name: 'Users' }).waitFor();
      await page.context().clearCookies();
      await page.getByRole('tab', { name: 'Users' }).click();
      await page.getByText('Your session has ended.').waitFor();
    },
  },
  { name: 'tokens', path: tokens, until: table('Tokens') },
  {
    name: 'tokens-empty',
    path: () => '/settings/tokens?q=nothing-has-this-name',
    until: (page) => page.getByText('No token matches').waitFor(),
  },
  {
    name: 'tokens-none',
    as: async () => (await makeSignedIn(stack.admin, { name: 'Grace Hopper' })).session,
    path: () => '/settings/tokens',
    until: (page) => page.getByText('No tokens yet').waitFor(),
  },
  {
    name: 'token-menu',
    path: tokens,
    until: async (page) => {
      await menuOf('airflow-staging')(page);
      await page.getByText('revoke it first').waitFor();
    },
  },
  { name: 'delete-token', path: tokens, until: (page) => pick(page, 'nightly load', 'Delete') },
  {
    name: 'generate-token',
    path: tokens,
    until: async (page) => {
      await page.getByRole('button', { name: 'Generate Token' }).click();
      await page.getByRole('combobox', { name: 'Expiration' }).click();
      await page.getByRole('option', { name: 'Never' }).click();
      await page.getByRole('button', { name: 'Generate', exact: true }).click();
      await page.getByText('Choose a service user').waitFor();
    },
  },
  {
    name: 'new-token',
    path: () => '/settings/tokens',
    until: async (page) => {
      await page.getByRole('button', { name: 'Generate Token' }).click();
      await page.getByRole('textbox', { name: 'Name' }).fill(`laptop ${Math.random()}`);
      await page.getByRole('button', { name: 'Generate', exact: true }).click();
      await page.getByText('shown again').waitFor();
      await page.keyboard.press('Escape');
      await page.getByText('Close anyway?').waitFor();
    },
  },
  {
    name: 'revoked-toast',
    path: tokens,
    until: async (page) => {
      await stack.admin.put(`/api/user-tokens/${usedToken}`, { revoke: false });
      await page.reload();
      await menuOf('airflow-production')(page);
      await page.getByRole('menuitem', { name: 'Revoke', exact: true }).click();
      await page.getByText(/gateways confirmed/).waitFor();
    },
  },
  {
    name: 'token',
    path: () => `/settings/tokens/${usedToken}`,
    until: (page) => page.getByText('Last used from').waitFor(),
  },
  { name: 'users', path: users, until: table('Users') },
  { name: 'edit-user', path: users, until: (page) => pick(page, 'Airflow', 'Change role and teams') },
  { name: 'deactivate-user', path: users, until: (page) => pick(page, 'Airflow', 'Deactivate') },
  { name: 'delete-user', path: users, until: (page) => pick(page, 'Airflow', 'Delete') },
  { name: 'set-password', path: users, until: (page) => pick(page, 'Ada Lovelace', 'Set password') },
  {
    name: 'add-service-account',
    path: users,
    until: async (page) => {
      await page.getByRole('button', { name: 'Add Service Account' }).click();
      await page.getByRole('combobox', { name: 'Teams' }).waitFor();
    },
  },
  {
    name: 'add-service-account-token',
    path: users,
    until: async (page) => {
      await page.getByRole('button', { name: 'Add Service Account' }).click();
      await page.getByRole('textbox', { name: 'Name' }).fill('Nightly Export');
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByRole('combobox', { name: 'Service User' }).waitFor();
    },
  },
  { name: 'gateways', path: () => '/settings/gateways', until: table('Gateways') },
  { name: 'audit', path: () => '/settings/audit', until: table('Audit') },
  {
    name: 'cli-authorize',
    path: () => cliPath('http://127.0.0.1:1/'),
    until: (page) => page.getByRole('button', { name: 'Approve' }).waitFor(),
  },
  {
    name: 'cli-refused',
    path: () => cliPath('https://example.com/'),
    until: (page) => page.getByText('can’t be approved').waitFor(),
  },
  {
    name: 'account-menu',
    path: tokens,
    until: async (page) => {
      await page.getByRole('button', { name: /^Account of/ }).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).waitFor();
    },
  },
  {
    name: 'change-password',
    path: tokens,
    until: async (page) => {
      await page.getByRole('button', { name: /^Account of/ }).click();
      await page.getByRole('menuitem', { name: 'Change password' }).click();
      await page.getByLabel(/^New password/).waitFor();
    },
  },
  {
    name: 'outage',
    path: () => '/settings/gateways',
    until: async (page) => {
      await page.route('**/api/user-tokens**', (route) => route.abort('connectionrefused'));
      await page.getByRole('tab', { name: 'Tokens' }).click();
      await page.getByRole('button', { name: 'Retry' }).waitFor();
    },
  },
  {
    name: 'not-found',
    path: () => '/settings/nothing',
    until: (page) => page.getByText('There is nothing here').waitFor(),
  },
];

it.each(SCREENS)(
  '$name has something to be seen and nothing that axe finds wrong, light and dark, and fits on a phone',
  async (screen) => {
    const page = await pageAt(screen);
    await screen.until(page);
    const found: string[] = [];
    for (const colorScheme of COLOR_SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.locator(`html[data-mantine-color-scheme="${colorScheme}"]`).waitFor();
      await expectPicture(page, `${screen.name}-${colorScheme}.png`);
      found.push(...(await violations(page)));
    }
    expect(found).toEqual([]);
    await page.setViewportSize(PHONE);
    await expectPicture(page, `${screen.name}-phone.png`);
    const widths = await page.evaluate<[number, number]>('[document.documentElement.scrollWidth, window.innerWidth]');
    expect(widths[0]).toBeLessThanOrEqual(widths[1]);
    await page.close();
    expect(browser.complaints.splice(0)).toEqual([]);
  },
);

async function pageAt({ isSignedOut, as, path }: Screen): Promise<Page> {
  if (!isSignedOut) return browser.pageOf(as ? await as() : session, path());
  const page = await browser.newPage();
  await page.goto(path());
  return page;
}

/** Keeps a picture of the page, and sees that it isn't blank. */
async function expectPicture(page: Page, name: string): Promise<void> {
  const path = resultFile(name);
  await page.screenshot({ path, animations: 'disabled' });
  const picture = await pictureFacts(path);
  expect(picture.colours, name).toBeGreaterThan(50);
  expect(picture.commonestShare, name).toBeLessThan(0.97);
}

it('the colours are the system’s until one chooses, and then stay', async () => {
  const page = await browser.newPage({ colorScheme: 'dark' });
  await browser.signInAs(session, page);
  await page.goto('/settings');
  const scheme = () => page.locator('html').getAttribute('data-mantine-color-scheme');
  await page.getByRole('button', { name: 'Switch to light colours' }).click();
  expect(await scheme()).toBe('light');
  await page.reload();
  await page.getByRole('button', { name: 'Switch to dark colours' }).waitFor();
  expect(await scheme()).toBe('light');
  await page.context().close();
});

/** All that axe is to look for; it need not describe what it finds nothing wrong with, which takes most of its time. */
const AXE_OPTIONS = JSON.stringify({
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  resultTypes: ['violations'],
});

/** What axe finds, one line for each element. The script is run beside the page's own, which its policy would not let in. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const results = await page.evaluate<AxeResults>(`axe.run(document, ${AXE_OPTIONS})`);
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} (${help}): ${target.join(' ')} ${failureSummary ?? ''}`),
  );
}
