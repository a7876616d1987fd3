import { afterAll, beforeAll, it } from 'vitest';
import { ConsoleBrowser, resultFile, PHONE } from './harness/console-browser.ts';
import { makeServiceUser, makeToken, makePerson } from './harness/fixtures.ts';
import { Stack } from './harness/stack.ts';
let stack: Stack;
let browser: ConsoleBrowser;
beforeAll(async () => {
  stack = await Stack.start({ gateways: 3 });
  browser = await ConsoleBrowser.launch(stack.gateways[0]!.url);
});
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
});
it('shots', async () => {
  const admin = stack.admin;
  const users = [];
  for (const n of ['Airflow', 'Data Warehouse Loader', 'Reports'])
    users.push(await makeServiceUser(admin, { name: n, role: 'Editor' }));
  await admin.post('/api/teams', { name: 'Data Engineering' });
  await admin.post('/api/teams', { name: 'Platform' });
  await makePerson(admin, { name: 'Ada Lovelace', role: 'Manager', teams: ['Data Engineering'] });
  const made = [];
  for (const [i, n] of [
    'airflow-production',
    'airflow-staging',
    'loader nightly',
    'reports dashboard',
    'ad hoc',
  ].entries())
    made.push(
      await makeToken(admin, { name: n, user_id: users[i % 3]!.id, expires_in_days: [30, 20, 90, null, 365][i]! }),
    );
  await makeToken(admin, { name: 'SCIM from Okta', user_id: users[0]!.id, scim: true, expires_in_days: 365 });
  for (const n of ['laptop', 'notebook']) await makeToken(admin, { name: n });
  await admin.put(`/api/user-tokens/${made[3]!.id}`, { revoke: true });
  await stack.database.pool.query(
    `UPDATE tokens SET expires_at = now() - interval '3 days', created_at = now() - interval '33 days' WHERE id = $1`,
    [made[4]!.id],
  );
  for (let i = 0; i < 20; i++) await stack.client(0, made[0]!.bearer_token).get('/api/datastores');
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({ colorScheme });
    const shot = async (n: string) => {
      await page.waitForTimeout(350);
      await page.screenshot({ path: resultFile(`s-${n}-${colorScheme}.png`) });
    };
    await page.goto('/settings/tokens?list=service');
    await page.getByLabel('User name').waitFor();
    await shot('signin');
    await page.getByLabel('User name').fill('admin');
    await page.getByLabel(/^Password/).fill(stack.adminPassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('table').waitFor();
    await shot('tokens');
    await page.getByRole('button', { name: 'Actions for airflow-production' }).click();
    await shot('menu');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Actions for ad hoc' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await shot('delete');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Actions for loader nightly' }).click();
    await page.getByRole('menuitem', { name: 'Revoke' }).click();
    await page.getByText('successfully').waitFor();
    await shot('toast');
    await page.getByRole('button', { name: 'Actions for loader nightly' }).click();
    await page.getByRole('menuitem', { name: 'Restore' }).click();
    await page.waitForTimeout(500);
    await page.getByRole('button', { name: 'Generate Token' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Airflow ' + colorScheme);
    await page.getByRole('combobox', { name: 'Expiration' }).click();
    await page.getByRole('option', { name: 'Never' }).click();
    await shot('generate');
    await page.getByRole('combobox', { name: 'Service User' }).click();
    await shot('dropdown');
    await page.getByRole('option', { name: /Airflow/ }).click();
    await page.getByRole('button', { name: 'Generate', exact: true }).click();
    await page.getByText('shown again').waitFor();
    await shot('reveal');
    await page.getByRole('button', { name: 'Close' }).last().click();
    await shot('ask');
    await page.getByRole('button', { name: 'Close anyway' }).click();
    await page.getByRole('link', { name: 'airflow-production' }).click();
    await page.getByText('Requests per hour').waitFor();
    await page.waitForTimeout(500);
    await shot('token');
    await page.getByRole('tab', { name: 'Users' }).click();
    await page.getByRole('table').waitFor();
    await shot('users');
    await page.getByRole('button', { name: 'Add Service Account' }).click();
    await page.waitForTimeout(300);
    await shot('account');
    await page.keyboard.press('Escape');
    await page.getByRole('tab', { name: 'Gateways' }).click();
    await page.getByRole('table').waitFor();
    await shot('gateways');
    await page.goto(
      '/cli/authorize?redirect_uri=http://127.0.0.1:5000/callback&state=abc&hostname=build-7&code_challenge=' +
        'a'.repeat(43),
    );
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await shot('cli');
    await page.setViewportSize(PHONE);
    await page.goto('/settings/tokens?list=service');
    await page.getByRole('table').waitFor();
    await shot('phone-tokens');
  }
  console.log(browser.complaints);
}, 300_000);
