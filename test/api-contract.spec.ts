import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiReplay } from './harness/api-replay.ts';
import { provokeRefusals } from './harness/api-refusals.ts';
import { makeCredentials } from './harness/api-credentials.ts';
import { ApiStory } from './harness/api-story.ts';
import { Stack } from './harness/stack.ts';

/** `npm run api:record` writes what was seen into the document, instead of comparing the two. */
const RECORDED = join(import.meta.dirname, '..', 'apps', 'token-service', 'src', 'openapi', 'answers.json');
const isRecording = process.env['API_RECORD'] === 'on';

/** Answers that no client can cause at will: a part is away or busy, two calls at once, more attempts than a test should make. */
const ELSEWHERE = [
  /\b503 /,
  / 429 too_many_bad_tokens$/,
  /^sessions_create 429 too_many_attempts$/,
  /^password_change (429 too_many_attempts|409 password_changed)$/,
  /^keys_rotate 409 key_retired$/,
];

let stack: Stack;
let replay: ApiReplay;
beforeAll(async () => {
  // Every operation is sent a bad token.
  stack = await Stack.start({ gatewayEnv: { PORTCULLIS_FAILED_AUTH_LIMIT: 'off' } });
  replay = new ApiReplay((await stack.client(0).get('/api/openapi.json')).body, stack.client(0));
  const credentials = await makeCredentials(stack);
  await provokeRefusals(replay, credentials);
  await new ApiStory(stack, replay, credentials).tell();
  if (isRecording) await writeFile(RECORDED, `${JSON.stringify(replay.seen, null, 2)}\n`);
}, 300_000);
afterAll(() => stack?.stop());

it('every example of the OpenAPI document is answered by the real system as the document says, to the last member', () => {
  expect(isRecording ? [] : replay.differences).toEqual([]);
});

it('every operation and every body that the document has an example of was sent, and taken', () => {
  const examples = [...replay.operations].flatMap(([id, { operation }]) => {
    const bodies = Object.values(operation.requestBody?.content ?? {}).flatMap(({ examples = {} }) =>
      Object.keys(examples),
    );
    return operation.requestBody ? bodies.map((name) => `${id} ${name}`) : [id];
  });
  expect([...replay.replayed].toSorted()).toEqual(examples.toSorted());
  for (const [id, { operation }] of replay.operations) {
    const hasExample = Object.values(operation.requestBody?.content ?? {}).every(
      ({ examples }) => Object.keys(examples ?? {}).length > 0,
    );
    expect(hasExample, id).toBe(true);
  }
});

it('every error that the document has was really answered, but for those that no client can cause', () => {
  const missing = [...replay.operations].flatMap(([id, { operation }]) =>
    Object.entries(operation.responses).flatMap(([status, { content = {} }]) =>
      Object.entries(content).flatMap(([media, { examples = {} }]) =>
        Object.keys(examples)
          .filter((name) => replay.seen[id]?.[status]?.content[media]?.[name] === undefined)
          .map((name) => `${id} ${status} ${name}`)
          .filter((error) => !ELSEWHERE.some((pattern) => pattern.test(error))),
      ),
    ),
  );
  expect(isRecording ? [] : missing).toEqual([]);
});

it('whoever asks without a credential, or with one that is not enough, is refused by every operation that is not open', () => {
  for (const [id, { operation }] of replay.operations) {
    const isOpen = operation.security.every(
      (requirement) => !('bearer' in requirement || 'session' in requirement || 'scim' in requirement),
    );
    expect(Object.keys(replay.seen[id]!).includes('401') || isOpen, id).toBe(true);
    const isForAnyone = isOpen || (operation.security.length === 1 && 'session' in operation.security[0]!);
    expect(Object.keys(replay.seen[id]!).includes('403') || isForAnyone, id).toBe(true);
  }
});
