import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ScimClient, scimToken } from './harness/scim.ts';
import { Stack } from './harness/stack.ts';
import { ENTRA_ID } from './scim/entra-id.ts';
import { JUMPCLOUD } from './scim/jumpcloud.ts';
import { OKTA } from './scim/okta.ts';
import { ONELOGIN } from './scim/onelogin.ts';
import type { Step } from './scim/step.ts';

let stack: Stack;
let scim: ScimClient;
beforeAll(async () => {
  stack = await Stack.start();
  scim = new ScimClient(stack.client(0, await scimToken(stack.admin)));
});
afterAll(() => stack.stop());

describe.each([ENTRA_ID, OKTA, ONELOGIN, JUMPCLOUD])('$name', ({ steps, headers }) => {
  it('finds everything as its documentation expects it', async () => {
    const saved: Record<string, string> = {};
    const filled = <T>(value: T): T =>
      JSON.parse(JSON.stringify(value).replace(/\{(\w+)\}/g, (whole, name: string) => saved[name] ?? whole)) as T;
    for (const step of steps) {
      const { what, method, path, body, status, shows, saves } = filledIn(step, filled);
      const answer = await scim.call(method, encodeURI(path), body, headers);
      expect(answer.status, `${what}: ${answer.text}`).toBe(status);
      expect(answer.headers.get('content-type') ?? '204', what).toMatch(/^application\/scim\+json|^204$/);
      expect(answer.body ?? {}, what).toMatchObject(shows ?? {});
      if (saves) saved[saves] = answer.body.id;
    }
  });
});

/** With ids in the place of names; a path's quotes are no JSON, so it is filled on its own. */
function filledIn(step: Step, filled: <T>(value: T) => T): Step {
  const { body, shows } = step;
  return {
    ...step,
    path: filled(step.path),
    ...(body && { body: filled(body) }),
    ...(shows && { shows: filled(shows) }),
  };
}
