import { readFile } from 'node:fs/promises';
import type { Page, Route } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConsoleBrowser, fillInSignIn, PHONE } from './harness/console-browser.ts';
import { makePerson, makeServiceUser, makeToken, uniqueName } from './harness/fixtures.ts';
import type { HttpClient } from './harness/http-client.ts';
import { makePersonWithPassword, makeSignedIn } from './harness/people.ts';
import { type SessionClient, signIn, trySignIn } from './harness/session-client.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

const SERVICE_TOKENS = '/settings/tokens?list=service';

let stack: Stack;
let browser: ConsoleBrowser;
let admin: HttpClient;
let adminSession: SessionClient;
let page: Page;

beforeAll(async () => {
  stack = await Stack.start({ gateways: 3 });
  admin = stack.admin;
  adminSession = await signIn(stack.client(0), 'admin', stack.adminPassword);
  browser = await ConsoleBrowser.launch(stack.gateways[0]!.url);
});
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
});
afterEach(async () => {
  await page?.close();
  // Nothing that a page does may be refused by its own policy, and no script may fail.
  expect(browser.complaints.splice(0)).toEqual([]);
});

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
const row = (name: string) => page.getByRole('row').filter({ hasText: name });
const toast = (text: string) => page.getByRole('alert').filter({ hasText: text });
const dialog = (name: string) => page.getByRole('dialog', { name });

async function choose(label: string, option: string | RegExp): Promise<void> {
  await page.getByRole('combobox', { name: label }).click();
  await page.getByRole('option', { name: option }).click();
}

async function openMenu(name: string): Promise<void> {
  await button(`Actions for ${name}`).click();
}

async function pick(item: string): Promise<void> {
  await page.getByRole('menuitem', { name: item, exact: true }).click();
}

/** A token with a name that nothing else has, so that its row is found. */
async function makeNamedToken(fields: Parameters<typeof makeToken>[1] = {}) {
  const user = await makeServiceUser(admin);
  return makeToken(admin, { user_id: user.id, ...fields });
}

describe('signing in', () => {
  beforeEach(async () => {
    page = await browser.newPage();
    await page.goto(SERVICE_TOKENS);
  });

  it('leads to where one wanted to be, and signing out ends the session on the server', async () => {
    await fillInSignIn(page, 'admin', stack.adminPassword);
    await page.getByRole('table', { name: 'Tokens' }).or(page.getByText('No tokens yet')).waitFor();
    expect(new URL(page.url()).search).toBe('?list=service');
    expect(await page.getByRole('tab').allTextContents()).toEqual(['Tokens', 'Users', 'Gateways', 'Audit']);
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });

    await button(/^Account of Admin/).click();
    await pick('Sign out');
    await page.getByRole('heading', { name: 'Sign in to Portcullis' }).waitFor();
    const headers = { Cookie: `${cookie!.name}=${cookie!.value}` };
    expect((await stack.client(0).get('/api/session', { headers })).status).toBe(401);
  });

  it('says the same for a wrong password, an unknown user and a service user', async () => {
    const service = await makeServiceUser(admin);
    for (const [userName, password] of [
      ['admin', 'not the password'],
      [uniqueName('nobody').replace(' ', '-'), 'whatever it is'],
      [service.user_name, 'whatever it is'],
    ] as const) {
      await fillInSignIn(page, userName, password);
      await page.getByRole('alert').filter({ hasText: 'The user name or the password is wrong.' }).waitFor();
      await page.reload();
    }
  });

  it('says which field is missing', async () => {
    await fillInSignIn(page, '', '');
    await page.getByRole('alert').waitFor();
    expect(await page.getByLabel('User name').getAttribute('aria-invalid')).toBe('true');
  });

  it('says when to try again after too many attempts', async () => {
    const { user } = await makePersonWithPassword(admin);
    await page.route('**/api/session', async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      const body = JSON.stringify({ code: 'too_many_attempts', detail: 'Too many attempts', status: 429 });
      await route.fulfill({
        status: 429,
        headers: { 'Retry-After': '42' },
        contentType: 'application/problem+json',
        body,
      });
    });
    await fillInSignIn(page, user.user_name, 'wrong');
    await page.getByText('Too many attempts. Try again in 42 seconds.').waitFor();
  });
});

describe('a session', () => {
  it('that has ended leads to the sign-in and then back to where one was', async () => {
    const { user, password } = await makePersonWithPassword(admin, { role: 'Manager' });
    const session = await signIn(stack.client(0), user.user_name, password);
    page = await browser.pageOf(session, '/settings/users?type=Service');
    await page.getByRole('table', { name: 'Users' }).waitFor();
    await session.delete('/api/session');
    await page.getByText('Your session has ended.').waitFor();
    await fillInSignIn(page, user.user_name, password);
    await page.getByRole('table', { name: 'Users' }).waitFor();
    expect(new URL(page.url()).search).toBe('?type=Service');
  });

  it('of somebody else, begun in another tab, shows nothing that was read for the first', async () => {
    const first = await makeSignedIn(admin);
    const second = await makeSignedIn(admin);
    const { name } = (await first.session.post('/api/user-tokens', { name: uniqueName('first'), expires_in_days: 1 }))
      .body;
    page = await browser.pageOf(first.session, '/settings/tokens');
    await row(name).waitFor();
    await browser.signInAs(second.session, page);
    await first.session.delete('/api/session');
    await button(new RegExp(`^Account of ${second.user.name}`)).waitFor();
    await page.getByText('No tokens yet').waitFor();
    // And it hears of changes again.
    const made = await second.session.post('/api/user-tokens', { name: uniqueName('second'), expires_in_days: 1 });
    await row(made.body.name).waitFor();
  });

  it('shows what a new role allows, without a reload', async () => {
    const { user, session } = await makeSignedIn(admin, { role: 'Admin' });
    page = await browser.pageOf(session, '/settings/tokens');
    await page.getByRole('tab', { name: 'Gateways' }).waitFor();
    await admin.put(`/api/users/${user.id}`, { role: 'Member' });
    await page.getByRole('tab', { name: 'Gateways' }).waitFor({ state: 'detached' });
  });

  it('runs out at a page that nobody is at, though it reads by itself', async () => {
    page = await browser.newPage();
    await page.clock.install();
    await browser.signInAs(adminSession, page);
    const reading = (isAttended: boolean) =>
      page.waitForRequest(
        (request) =>
          request.url().endsWith('/api/gateways') && isAttended === !request.headers()['x-portcullis-unattended'],
      );
    await Promise.all([reading(true), page.goto('/settings/gateways')]);
    await page.getByRole('table', { name: 'Gateways' }).waitFor();
    await Promise.all([reading(false), page.clock.runFor('01:05')]);
    await page.mouse.move(100, 100);
    await Promise.all([reading(true), page.clock.runFor('00:05')]);
  });

  it('lets one change one’s own password, with the old one', async () => {
    const { user, password } = await makePersonWithPassword(admin);
    page = await browser.pageOf(await signIn(stack.client(0), user.user_name, password), '/');
    await button(new RegExp(`^Account of ${user.name}`)).click();
    await pick('Change password');
    await page.getByLabel(/^Current password/).fill('not this');
    await page.getByLabel(/^New password/).fill('a long new password');
    await dialog('Change password').getByRole('button', { name: 'Change password' }).click();
    await waitUntil('the error at its field', async () => {
      return (await page.getByLabel(/^Current password/).getAttribute('aria-invalid')) === 'true';
    });
    await page.getByLabel(/^Current password/).fill(password);
    await dialog('Change password').getByRole('button', { name: 'Change password' }).click();
    await toast('The password has been changed').waitFor();
    await signIn(stack.client(0), user.user_name, 'a long new password');
  });

  it('of a Member shows their own tokens alone', async () => {
    const { user, password } = await makePersonWithPassword(admin);
    page = await browser.pageOf(await signIn(stack.client(0), user.user_name, password), '/settings/gateways');
    await page.getByText('There is nothing here').waitFor();
    await page.goto('/settings/tokens');
    await page.getByText('No tokens yet').waitFor();
    expect(await page.getByRole('tab').allTextContents()).toEqual(['Tokens']);
    expect(await page.getByText('Service Tokens').count()).toBe(0);
    await button('Generate Token').click();
    expect(await page.getByLabel('SCIM Administration Token').count()).toBe(0);
    await page.getByRole('combobox', { name: 'Type' }).click();
    expect(await page.getByRole('option').allTextContents()).toEqual(['Personal']);
  });
});

describe('generating a token', () => {
  beforeEach(async () => {
    page = await browser.pageOf(adminSession, SERVICE_TOKENS);
    await button('Generate Token').click();
  });

  it('shows it once, to copy, to download and to try, and then in the list', async () => {
    const user = await makeServiceUser(admin);
    await page.reload();
    await button('Generate Token').click();
    const name = uniqueName('Airflow Service User');
    await page.getByRole('textbox', { name: 'Name' }).fill(name);
    await page.getByRole('combobox', { name: 'Service User' }).fill(user.name);
    await page.getByRole('option', { name: new RegExp(user.name) }).click();
    await page.getByRole('combobox', { name: 'Expiration' }).click();
    expect(await page.getByRole('option').allTextContents()).toEqual([
      '30 Days',
      '60 Days',
      '90 Days',
      '1 Year',
      'Never',
    ]);
    await page.getByRole('option', { name: 'Never' }).click();
    await page.getByText('Tokens that never expire are a security risk').waitFor();
    await choose('Expiration', '1 Year');
    await button('Generate').click();

    const secret = (await page.getByRole('textbox', { name: `Token ${name}` }).textContent())!;
    for (const text of [
      'won’t be shown again',
      'Keep it confidential',
      'share it with no one',
      'password manager or a vault',
    ])
      await page.getByText(text).first().waitFor();
    expect(await page.getByLabel('curl line').textContent()).toBe(
      `curl -H "Authorization: Bearer ${secret}" ${browser.url}/api/users/me`,
    );
    const [download] = await Promise.all([page.waitForEvent('download'), button('Download').click()]);
    expect(download.suggestedFilename()).toBe(`${name.toLowerCase().replaceAll(' ', '-')}-token.txt`);
    expect((await readFile((await download.path())!, 'utf8')).trim()).toBe(secret);
    await page.getByRole('button', { name: 'Close' }).last().click();
    await dialog('Your New Token').waitFor({ state: 'detached' });
    await row(name).getByText('Active').waitFor();
    expect((await stack.client(0, secret).get('/api/users/me')).body.user_id).toBe(user.user_id);
  });

  it('works with the keyboard alone: generate, copy, close', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: browser.url });
    await page.goto('/settings/tokens');
    await button('Generate Token').waitFor();
    await page.keyboard.press('Tab'); // the link to skip to the content
    await page.keyboard.press('Enter');
    const name = uniqueName('by keyboard');
    await tabTo('Generate Token');
    await page.keyboard.press('Enter');
    await dialog('Generate Token').waitFor();
    await page.keyboard.type(name);
    await page.keyboard.press('Enter');
    await dialog('Your New Token').waitFor();
    await waitUntil('the focus is on Copy', async () => (await focused()) === 'Copy');
    await page.keyboard.press('Enter');
    await page.getByText('Copied').waitFor();
    const copied = await readClipboard();
    expect((await stack.client(0, copied).get('/api/users/me')).status).toBe(200);
    await page.keyboard.press('Escape');
    await dialog('Your New Token').waitFor({ state: 'detached' });
    await waitUntil('the focus is back', async () => (await focused()) === 'Generate Token');
    await row(name).waitFor();
  });

  it('asks once before it closes with a token that nobody has taken', async () => {
    await page.goto('/settings/users');
    await page.getByRole('tab', { name: 'Tokens' }).click();
    await button('Generate Token').click();
    await page.getByRole('textbox', { name: 'Name' }).fill(uniqueName('lost'));
    await button('Generate').click();
    await dialog('Your New Token').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('neither copied nor downloaded').waitFor();
    await button('Keep it open').click();
    await page.getByText('neither copied nor downloaded').waitFor({ state: 'detached' });
    await waitUntil('the focus is on Copy', async () => (await focused()) === 'Copy');
    await page.evaluate('history.back()'); // what one does to close something on a phone
    await page.getByText('neither copied nor downloaded').waitFor();
    await button('Keep it open').click();
    // The browser's own question, when the page itself is closed.
    const asked = page.waitForEvent('dialog');
    page.once('dialog', (question) => void question.dismiss());
    await page.evaluate('location.reload()');
    expect((await asked).type()).toBe('beforeunload');
    await page.keyboard.press('Escape');
    await button('Close anyway').click();
    await dialog('Your New Token').waitFor({ state: 'detached' });
  });

  it('says what a SCIM token opens, marks it in the list, and shows a call that it opens', async () => {
    const name = uniqueName('provisioning');
    await choose('Type', 'Personal');
    await page.getByRole('textbox', { name: 'Name' }).fill(name);
    await page.getByText('Opens the SCIM provisioning API (/scim/v2) and nothing else.').waitFor();
    await page.getByLabel('SCIM Administration Token').check();
    await button('Generate').click();
    expect(await page.getByLabel('curl line').textContent()).toMatch(/\/scim\/v2\/Users$/);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.goto('/settings/tokens');
    await row(name).getByText('SCIM', { exact: true }).waitFor();
  });

  it('shows each error of the API at its field', async () => {
    await choose('Type', 'Personal');
    await button('Generate').click();
    await expectError('Name');
    const taken = await makeToken(adminSession);
    await page.getByRole('textbox', { name: 'Name' }).fill(taken.name);
    await button('Generate').click();
    await expectError('Name', /taken|already/i);
    await page.getByRole('textbox', { name: 'Name' }).fill(uniqueName('new'));
    await choose('Type', 'Service');
    await button('Generate').click();
    await expectError('Service User', 'Choose a service user', 'combobox');

    // What the other fields can be refused for depends on settings and on what others do meanwhile.
    for (const [field, label] of [
      ['expires_in_days', 'Expiration'],
      ['user_id', 'Service User'],
    ] as const) {
      await page.route('**/api/user-tokens', (route) =>
        route.fulfill({
          status: 400,
          contentType: 'application/problem+json',
          body: JSON.stringify({
            status: 400,
            code: 'x',
            detail: 'x',
            errors: [{ field, message: `must suit ${field}` }],
          }),
        }),
      );
      if (field === 'expires_in_days') await choose('Type', 'Personal');
      else {
        await choose('Type', 'Service');
        await page.getByRole('combobox', { name: 'Service User' }).click();
        await page.getByRole('option').first().click();
      }
      await button('Generate').click();
      await expectError(label, `Must suit ${field}`, 'combobox');
      await page.unroute('**/api/user-tokens');
    }
  });
});

describe('a token in the list', () => {
  it('is revoked, restored, revoked and deleted, each with its receipt', async () => {
    const { name } = await makeNamedToken();
    page = await browser.pageOf(adminSession, SERVICE_TOKENS);
    await openMenu(name);
    await page.getByText('An active token can’t be deleted: revoke it first').waitFor();
    await pick('Revoke');
    await toast('The token has been successfully revoked').waitFor();
    await page.getByText(/^3 of 3 gateways confirmed in \d+ ms$/).waitFor();
    await row(name).getByText('Revoked').waitFor();
    expect(await row(name).locator('[data-status="Revoked"]').count()).toBe(1);

    await openMenu(name);
    expect(await page.getByRole('menuitem').allTextContents()).toEqual(['Restore', 'Delete']);
    await pick('Restore');
    await toast('The token has been successfully restored').waitFor();
    await row(name).getByText('Active').waitFor();

    await openMenu(name);
    await pick('Revoke');
    await row(name).getByText('Revoked').waitFor();
    await openMenu(name);
    await pick('Delete');
    await dialog('Delete Token').getByRole('button', { name: 'Delete' }).click();
    await toast('User token successfully deleted').waitFor();
    await row(name).waitFor({ state: 'detached' });
  });

  it('that has expired can only be deleted, and asks first', async () => {
    const { name, id } = await makeNamedToken();
    await stack.database.pool.query(
      `UPDATE tokens SET expires_at = date_trunc('second', now()) - interval '1 minute' WHERE id = $1`,
      [id],
    );
    page = await browser.pageOf(adminSession, SERVICE_TOKENS);
    await row(name).getByText('Expired').waitFor();
    await openMenu(name);
    expect(await page.getByRole('menuitem').allTextContents()).toEqual(['Delete']);
    await pick('Delete');
    await dialog('Delete Token').getByRole('button', { name: 'Cancel' }).click();
    await row(name).waitFor();
  });

  it('changes without a reload when somebody else revokes it', async () => {
    const { name, id } = await makeNamedToken();
    page = await browser.pageOf(adminSession, SERVICE_TOKENS);
    await row(name).getByText('Active').waitFor();
    expect((await admin.put(`/api/user-tokens/${id}`, { revoke: true })).status).toBe(200);
    await row(name).getByText('Revoked').waitFor();
  });

  it('says when it was last used, and exactly when on hover', async () => {
    const token = await makeNamedToken({ expires_in_days: 12 });
    page = await browser.pageOf(adminSession, SERVICE_TOKENS);
    await row(token.name).getByText('Not Used').waitFor();
    await row(token.name).getByText('in 12 days').waitFor();
    expect(await row(token.name).locator('[data-soon="true"]').count()).toBe(1);
    await stack.client(1, token.bearer_token).get('/api/datastores');
    const lastUsed = async () => (await admin.get(`/api/user-tokens/${token.id}`)).body.last_used as string | null;
    await waitUntil('the use is counted', lastUsed);
    await page.reload();
    const text = row(token.name).locator('time').filter({ hasText: 'Last Used' });
    await text.waitFor();
    expect(await text.getAttribute('datetime')).toBe(await lastUsed());
    expect(await text.getAttribute('title')).toMatch(/\d\d:\d\d:\d\d/);
  });

  it('keeps the keyboard where it was: after a menu, after a dialog, and when its row has gone', async () => {
    const { name } = await makeNamedToken();
    page = await browser.pageOf(adminSession, SERVICE_TOKENS);
    const opener = `Actions for ${name}`;
    const choose = async (item: string) => {
      await button(opener).press('Enter');
      await page.locator('[role="menuitem"]:focus').waitFor();
      if ((await focused()) !== item) await page.keyboard.press('ArrowDown');
      await page.locator('[role="menuitem"]:focus').filter({ hasText: item }).press('Enter');
    };
    await choose('Revoke');
    await row(name).getByText('Revoked').waitFor();
    await expectFocus(opener);
    await choose('Delete');
    await dialog('Delete Token').waitFor();
    await page.keyboard.press('Escape');
    await expectFocus(opener);
    await choose('Delete');
    await dialog('Delete Token').getByRole('button', { name: 'Delete' }).press('Enter');
    await row(name).waitFor({ state: 'detached' });
    await waitUntil('the focus is on the content', () =>
      page.evaluate<boolean>(`document.activeElement.id === 'content'`),
    );
  });

  it('is on the last page when there is none at the address', async () => {
    const { name, user } = await makeNamedToken();
    page = await browser.pageOf(adminSession, `${SERVICE_TOKENS}&page=900&q=${encodeURIComponent(user.name)}`);
    await row(name).waitFor();
    expect(new URL(page.url()).searchParams.get('page')).toBeNull();
    // What is searched for is what the address says, whoever changes that.
    await page.getByRole('tab', { name: 'Tokens' }).click();
    await waitUntil('the search is empty', async () => (await search().inputValue()) === '');
    await page.goBack();
    await waitUntil('the search is back', async () => (await search().inputValue()) === user.name);
  });

  it('can be sorted by at phone width too', async () => {
    await makeNamedToken();
    page = await browser.pageOf(adminSession, SERVICE_TOKENS);
    await page.setViewportSize(PHONE);
    const header = page.getByRole('columnheader', { name: 'Expiration' });
    await header.getByRole('button').click();
    await page.locator('th[aria-sort="ascending"]').filter({ hasText: 'Expiration' }).waitFor();
    expect((await header.boundingBox())!.height).toBeGreaterThan(20);
  });

  it('is read again when the page is seen again, and a hidden page holds no connection', async () => {
    const { name, id } = await makeNamedToken();
    page = await browser.newPage();
    await page.addInitScript(
      `Object.defineProperty(document, 'visibilityState', { get: () => window.isHidden ? 'hidden' : 'visible' })`,
    );
    await browser.signInAs(adminSession, page);
    const opened = page.waitForRequest('**/api/events');
    await page.goto(SERVICE_TOKENS);
    await row(name).getByText('Active').waitFor();
    const closed = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/api/events'));
    await opened;
    await setHidden(true);
    await closed;
    await admin.put(`/api/user-tokens/${id}`, { revoke: true });
    expect(await row(name).getByText('Active').count()).toBe(1);
    await setHidden(false);
    await row(name).getByText('Revoked').waitFor();
  });

  it('of another person is among everyone’s, for an Admin', async () => {
    const { session, user } = await makeSignedIn(admin);
    const made = await session.post('/api/user-tokens', { name: uniqueName('theirs'), expires_in_days: 1 });
    page = await browser.pageOf(adminSession, '/settings/gateways');
    await page.getByRole('complementary').getByRole('link', { name: 'Settings' }).click();
    await choose('Whose tokens', 'Everyone’s');
    await row(made.body.name).getByText(user.user_id).waitFor();
    await choose('Whose tokens', 'Mine');
    await row(made.body.name).waitFor({ state: 'detached' });
  });

  it('is found by search, status, owner and order', async () => {
    const user = await makeServiceUser(admin, { name: uniqueName('Searchable') });
    const [first, second] = [
      await makeToken(admin, { name: 'aaa search', user_id: user.id }),
      await makeToken(admin, { name: 'zzz search', user_id: user.id }),
    ];
    await admin.put(`/api/user-tokens/${second.id}`, { revoke: true });
    page = await browser.pageOf(adminSession, SERVICE_TOKENS);
    await page.getByLabel('Search by name or owner').fill(user.name);
    await page.getByText('2 tokens', { exact: true }).waitFor();
    await page.getByRole('columnheader', { name: 'Name' }).getByRole('button').click();
    await waitUntil(
      'the order',
      async () => (await page.getByRole('link', { name: / search$/ }).allTextContents())[0] === first.name,
    );
    await page.getByRole('columnheader', { name: 'Name' }).getByRole('button').click();
    await waitUntil(
      'the other order',
      async () => (await page.getByRole('link', { name: / search$/ }).allTextContents())[0] === second.name,
    );
    await choose('Status', 'Revoked');
    await page.getByText('1 token', { exact: true }).waitFor();
    await page.reload();
    await row(second.name).waitFor();
    await choose('Status', 'Expired');
    await page.getByText('No token matches').waitFor();
  });
});

it('a token’s own page shows its facts, its use by the hour and where it was used from', async () => {
  const token = await makeNamedToken();
  for (let i = 0; i < 3; i++) await stack.client(0, token.bearer_token).get('/api/datastores');
  await waitUntil(
    'the uses are counted',
    async () => (await admin.get(`/api/user-tokens/${token.id}/usage`)).body.total === 3,
  );
  page = await browser.pageOf(adminSession, `/settings/tokens/${token.id}`);
  await page.getByRole('heading', { name: token.name }).waitFor();
  await page.getByText(`…${token.hint}`).waitFor();
  await page.getByRole('img', { name: /^3 requests in the last 24 hours/ }).waitFor();
  await page.getByText('Last used from 127.0.0.1 through gw-1').waitFor();
  await page.getByText('7 d', { exact: true }).click();
  await page.getByRole('img', { name: /^3 requests in the last 7 days/ }).waitFor();
  await page.getByText('30 d', { exact: true }).click();
  await page.getByRole('img', { name: /^3 requests in the last 30 days/ }).waitFor();
  await button('Revoke').click();
  await button('Restore').waitFor();
  await button('Delete').click();
  await dialog('Delete Token').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
  await page.waitForURL('**/settings/tokens?list=service');
});

describe('users', () => {
  beforeEach(async () => {
    page = await browser.pageOf(adminSession, '/settings/users');
    await page.getByRole('table', { name: 'Users' }).waitFor();
  });

  it('a service account is added with its first token', async () => {
    const team = uniqueName('Team');
    // More than one page of the API.
    await stack.database.pool.query(`INSERT INTO teams (name) SELECT 'Filler ' || n FROM generate_series(1, 110) n`);
    await admin.post('/api/teams', { name: team });
    const taken = await makeServiceUser(admin);
    const name = uniqueName('API Access');
    await button('Add Service Account').click();
    await page.getByRole('textbox', { name: 'Name' }).fill(taken.name);
    await button('Next').click();
    await expectError('Name', /taken/);
    await page.getByRole('textbox', { name: 'Name' }).fill(name);
    await choose('Role', 'Editor');
    await page.getByRole('combobox', { name: 'Teams' }).fill(team);
    await page.getByRole('option', { name: team }).click();
    await page.keyboard.press('Escape');
    await button('Next').click();
    const locked = page.getByRole('combobox', { name: 'Service User' });
    await locked.waitFor();
    expect(await locked.inputValue()).toContain(name);
    expect(await locked.isDisabled()).toBe(true);
    expect(await page.getByRole('combobox', { name: 'Type' }).inputValue()).toBe('Service');
    expect(await page.getByRole('combobox', { name: 'Type' }).isDisabled()).toBe(true);
    await page.keyboard.type('first'); // the focus is there
    await button('Generate').click();
    const secret = (await page.getByRole('textbox', { name: 'Token first' }).textContent())!;
    expect((await stack.client(0, secret).get('/api/users/me')).body).toMatchObject({
      role: 'Editor',
      teams: ['Public', team],
    });
    await page.keyboard.press('Escape');
    await button('Close anyway').click();
    await page.getByLabel(/^Search by name/).fill(name);
    await row(name).getByText('Service', { exact: true }).waitFor();
    await row(name).getByRole('cell', { name: '1', exact: true }).waitFor();
  });

  it('role and teams are changed', async () => {
    const user = await makeServiceUser(admin);
    const team = (await admin.post('/api/teams', { name: uniqueName('Team') })).body.name as string;
    await find(user.name);
    await openMenu(user.name);
    await pick('Change role and teams');
    await choose('Role', 'Manager');
    await page.getByRole('combobox', { name: 'Teams' }).fill(team);
    await page.getByRole('option', { name: team }).click();
    await page.keyboard.press('Escape'); // the list of teams lies over the button
    await button('Save').click();
    await toast(`${user.name} has been changed`).waitFor();
    await row(user.name).getByText('Manager').waitFor();
    await row(user.name).getByText(`Public, ${team}`).waitFor();
  });

  it('someone is deactivated, knowing how many tokens stop, and activated again', async () => {
    const token = await makeNamedToken();
    await makeToken(admin, { user_id: token.user.id });
    const { name } = token.user;
    await find(name);
    await openMenu(name);
    await pick('Deactivate');
    await dialog('Deactivate User').getByText('2 active tokens stop at once.').waitFor();
    await dialog('Deactivate User').getByRole('button', { name: 'Deactivate' }).click();
    await row(name).getByText('Inactive').waitFor();
    expect((await stack.client(0, token.bearer_token).get('/api/users/me')).status).toBe(401);
    await openMenu(name);
    await pick('Activate');
    await row(name).getByText('Active', { exact: true }).waitFor();
  });

  it('someone is deleted once their name is typed', async () => {
    const user = await makeServiceUser(admin);
    await find(user.name);
    await openMenu(user.name);
    await pick('Delete');
    await page.getByLabel(/^Type/).fill('somebody else');
    await dialog('Delete User').getByRole('button', { name: 'Delete' }).click();
    await page.getByText(`This is not ${user.name}`).waitFor();
    await page.getByLabel(/^Type/).fill(user.name);
    await dialog('Delete User').getByRole('button', { name: 'Delete' }).click();
    await toast(`${user.name} has been deleted`).waitFor();
    await row(user.name).waitFor({ state: 'detached' });
  });

  it('a person is given a password to begin with', async () => {
    const user = await makePerson(admin);
    await find(user.name);
    await openMenu(user.name);
    await pick('Set password');
    await page.getByLabel(/^Initial password/).fill('short');
    await button('Save').click();
    await waitUntil(
      'the error at its field',
      async () => (await page.getByLabel(/^Initial password/).getAttribute('aria-invalid')) === 'true',
    );
    await page.getByLabel(/^Initial password/).fill('a password to begin with');
    await button('Save').click();
    await toast(`${user.name} has a new password`).waitFor();
    await signIn(stack.client(0), user.user_name, 'a password to begin with');

    await openMenu(user.name);
    await pick('Set password');
    await page.getByLabel('Identity provider only').check();
    await button('Save').click();
    await toast(`${user.name} has no password any more`).waitFor();
    expect((await trySignIn(stack.client(0), user.user_name, 'a password to begin with')).status).toBe(401);
  });

  it('the last Admin can’t be deactivated, and the dialog says so', async () => {
    await openMenu('Admin');
    await pick('Deactivate');
    await dialog('Deactivate User').getByRole('button', { name: 'Deactivate' }).click();
    await dialog('Deactivate User').getByRole('alert').waitFor();
  });
});

it('the gateways are shown live: lease, applied change, requests', async () => {
  page = await browser.pageOf(adminSession, '/settings/gateways');
  for (const name of ['gw-1', 'gw-2', 'gw-3']) await row(name).getByText('Up to date').waitFor();
  await row('gw-2')
    .getByText(/s left$/)
    .waitFor();
  const { id } = await makeNamedToken();
  const { receipt } = (await admin.put(`/api/user-tokens/${id}`, { revoke: true })).body;
  await row('gw-3').getByText(`${receipt.seq} of ${receipt.seq}`).waitFor();
});

it('the audit trail shows who did what, by kind and by person, and can be downloaded', async () => {
  page = await browser.pageOf(adminSession, '/settings/audit');
  const { id } = await makeNamedToken();
  await admin.put(`/api/user-tokens/${id}`, { revoke: true });
  await page.reload();
  const revoked = page
    .getByRole('row')
    .filter({ hasText: 'token.revoked' })
    .filter({ hasText: `token/${id}` });
  await revoked.getByText('Active → Revoked').waitFor();
  await page.getByRole('combobox', { name: 'What was done' }).click();
  await page.getByRole('option', { name: 'Sign-ins', exact: true }).click();
  await revoked.waitFor({ state: 'detached' });
  await page.getByRole('row').filter({ hasText: 'session.started' }).first().waitFor();
  await page.getByLabel('By whom: a user id').fill('nobody-by-this-name');
  await page.getByText('Nothing found').waitFor();
  await page.getByLabel('By whom: a user id').fill('admin');
  await page.getByRole('row').filter({ hasText: 'session.started' }).first().waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), button('Download CSV').click()]);
  expect(download.suggestedFilename()).toBe('portcullis-audit.csv');
  const csv = await readFile(await download.path(), 'utf8');
  expect(csv).toContain('session.started');
  expect(csv).not.toContain('token.revoked');
});

const ask = (changes: Record<string, string> = {}) =>
  `/cli/authorize?${new URLSearchParams({
    redirect_uri: 'http://127.0.0.1:1/callback',
    state: 'the-state',
    hostname: 'build-7',
    code_challenge: 'a'.repeat(43),
    ...changes,
  })}`;

/** Where the browser is sent; nothing listens there. */
async function sentTo(click: string): Promise<URL> {
  const [request] = await Promise.all([page.waitForRequest('http://127.0.0.1:1/**'), button(click).click()]);
  return new URL(request.url());
}

describe('a program that asks for access', () => {
  it('gets a code when the person approves, after signing in on the way', async () => {
    const { user, password } = await makePersonWithPassword(admin);
    page = await browser.newPage();
    await page.goto(ask());
    await fillInSignIn(page, user.user_name, password);
    await page.getByText('CLI on build-7', { exact: true }).waitFor();
    await page.getByText('in 90 days').waitFor();
    const url = await sentTo('Approve');
    expect(url.searchParams.get('state')).toBe('the-state');
    expect(url.searchParams.get('code')).toMatch(/^[\w-]{43}$/);
  });

  it('is told when the person declines', async () => {
    page = await browser.pageOf(adminSession, ask());
    const url = await sentTo('Decline');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({ error: 'access_denied', state: 'the-state' });
  });

  it('is refused without any redirect when it wants to be answered elsewhere', async () => {
    page = await browser.pageOf(adminSession, ask({ redirect_uri: 'https://example.com/callback' }));
    await page.getByRole('heading', { name: 'This request can’t be approved' }).waitFor();
    await page.getByRole('alert').filter({ hasText: 'redirect_uri' }).waitFor();
    expect(await button('Approve').count()).toBe(0);
    expect(new URL(page.url()).origin).toBe(browser.url);
  });
});

it('a list that can’t be read again says as of when it is, and no more once it is', async () => {
  const { name, id } = await makeNamedToken();
  page = await browser.pageOf(adminSession, SERVICE_TOKENS);
  await row(name).waitFor();
  await page.route('**/api/user-tokens**', down);
  await page.route('**/api/user-tokens/**', down);
  await admin.put(`/api/user-tokens/${id}`, { revoke: true });
  await page.getByText(/^This is as of \d\d:\d\d:\d\d: Portcullis doesn’t answer/).waitFor();
  await row(name).getByText('Active').waitFor();
  await page.unrouteAll();
  await admin.put(`/api/user-tokens/${id}`, { revoke: false });
  await page.getByText(/^This is as of/).waitFor({ state: 'detached' });
  browser.complaints.length = 0; // connections that failed
});

const down = (route: Route): Promise<void> => route.abort('connectionrefused');

it('an API that is down shows a retry and no blank page, and the retry helps', async () => {
  page = await browser.pageOf(adminSession, '/settings/gateways');
  await page.getByRole('table', { name: 'Gateways' }).waitFor();
  const api = /\/api\/(?!events)/;
  await page.route('**/api/events', down); // else the page may recover by its live updates, before the retry
  await page.route(api, down);
  await page.getByText(/Portcullis doesn’t answer at\s+the\s+moment/).waitFor();
  await page.getByRole('tab', { name: 'Users' }).click();
  await page.getByRole('heading', { name: 'Portcullis doesn’t answer' }).waitFor();
  await button('Retry').waitFor();
  await page.unroute(api, down);
  await button('Retry').click();
  await page.getByRole('table', { name: 'Users' }).waitFor();

  await page.route(api, (route) => route.fulfill({ status: 503, body: 'nobody is there' }));
  await page.reload();
  await button('Retry').waitFor();
  await page.unroute(api);
  await button('Retry').click();
  await page.getByRole('table', { name: 'Users' }).waitFor();
  // The page has seen connections fail: that is what this is about.
  browser.complaints.length = 0;
});

async function find(name: string): Promise<void> {
  await page.getByLabel(/^Search by name/).fill(name);
  await page.getByText('1 user', { exact: true }).waitFor();
}

/** The error stands at the field, and the field says so to those who can't see it. */
async function expectError(
  label: string,
  text: string | RegExp = /./,
  role: 'textbox' | 'combobox' = 'textbox',
): Promise<void> {
  const field = page.getByRole('dialog').getByRole(role, { name: label });
  await waitUntil(`an error at ${label}`, async () => {
    const ids = ((await field.getAttribute('aria-describedby')) ?? '').split(' ').filter((id) => id.endsWith('-error'));
    return ids.length > 0 && (await page.locator(`[id="${ids[0]}"]`).filter({ hasText: text }).count()) === 1;
  });
  expect(await field.getAttribute('aria-invalid')).toBe('true');
}

/** Read beside the page, which may not read it. */
async function readClipboard(): Promise<string> {
  const beside = await page.context().newPage();
  await beside.goto('/api/status');
  const text = await beside.evaluate<string>('navigator.clipboard.readText()');
  await beside.close();
  await page.bringToFront();
  return text;
}

const search = () => page.getByLabel('Search by name or owner');

function focusedLabel(): Promise<string | null> {
  return page.evaluate<string | null>(`document.activeElement.getAttribute('aria-label')`);
}

function expectFocus(label: string): Promise<unknown> {
  return waitUntil(`the focus on ${label}`, async () => (await focusedLabel()) === label);
}

async function setHidden(isHidden: boolean): Promise<void> {
  await page.evaluate(
    `window.isHidden = ${isHidden}; document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))`,
  );
}

function focused(): Promise<string> {
  return page.evaluate<string>(`document.activeElement?.textContent?.trim() ?? ''`);
}

async function tabTo(name: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    if ((await focused()) === name) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab never came to ${name}`);
}
