import { expect, it } from 'vitest';
import { curlLine, tokenFileName } from './token-handover.ts';

it.each([
  ['Airflow Service User', 'airflow-service-user-token.txt'],
  ['api-production', 'api-production-token.txt'],
  ['../../etc/passwd', '-..-etc-passwd-token.txt'],
  ['a:b*c?', 'a-b-c--token.txt'],
  ['Übung 1', 'übung-1-token.txt'],
])('names the file of "%s" %s', (name, file) => {
  expect(tokenFileName(name)).toBe(file);
});

it('shows a call that the token opens', () => {
  const token = { scim: false, bearer_token: 'eyJ' } as Parameters<typeof curlLine>[0];
  expect(curlLine(token, 'http://host')).toBe('curl -H "Authorization: Bearer eyJ" http://host/api/users/me');
  expect(curlLine({ ...token, scim: true }, 'http://host')).toMatch(/\/scim\/v2\/Users$/);
});
