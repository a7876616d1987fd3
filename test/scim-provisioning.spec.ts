import type { ReceiptDto } from '@portcullis/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uniqueName } from './harness/fixtures.ts';
import type { Answer, Json } from './harness/http-client.ts';
import { makePersonsToken, makeScimGroup, makeScimUser, ScimClient, scimToken } from './harness/scim.ts';
import { Stack } from './harness/stack.ts';
import { waitUntil } from './harness/wait-until.ts';

const GATEWAYS = ['gw-1', 'gw-2', 'gw-3'];
const PEOPLE = 5_000;
/** One request after the other; then some in bulk, and the rest straight into the table. */
const IN_A_ROW = 300;
const BULK = 500;
const IN_BULK = 1_000;
const PAGE = 100;

let stack: Stack;
let scim: ScimClient;
beforeAll(async () => {
  stack = await Stack.start({
    gateways: 3,
    tokenServiceEnv: { PORTCULLIS_SCIM_ROLE_GROUPS: 'Portcullis Editors=Editor' },
  });
  scim = new ScimClient(stack.client(0, await scimToken(stack.admin)));
});
afterAll(() => stack.stop());

function receiptOf({ headers }: Answer<Json>): ReceiptDto {
  return JSON.parse(headers.get('portcullis-receipt') ?? 'null');
}

/** Uses a token at every gateway, over and over; each answer with the moment at which its request was sent. */
class Hammer {
  readonly answers: { sentMs: number; status: number }[] = [];
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(token: string, method: 'GET' | 'POST' = 'GET') {
    this.#running = Promise.all(GATEWAYS.map((_, gateway) => this.#use(gateway, token, method)));
  }

  /** Goes on until this many more requests were answered at all. */
  async more(count: number): Promise<void> {
    const wanted = this.answers.length + count;
    await waitUntil('more answers', () => Promise.resolve(this.answers.length >= wanted));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** The statuses of requests that were sent in this time. */
  statuses(fromMs: number, toMs = Infinity): number[] {
    const within = this.answers.filter(({ sentMs }) => sentMs >= fromMs && sentMs < toMs);
    return [...new Set(within.map(({ status }) => status))];
  }

  async #use(gateway: number, token: string, method: string): Promise<void> {
    const client = stack.client(gateway, token);
    while (!this.#stopped) {
      const sentMs = performance.now();
      const { status } = await client.call(method, '/api/datastores', method === 'POST' ? { body: { name: 'x' } } : {});
      this.answers.push({ sentMs, status });
    }
  }
}

describe('deprovisioning while the tokens are in use at three gateways', () => {
  it('nothing is accepted that was sent after the SCIM call returned, and after reactivating nothing is refused', async () => {
    for (let round = 0; round < 5; round++) {
      const user = await makeScimUser(scim);
      const hammer = new Hammer((await makePersonsToken(stack, user.id)).bearer_token);
      await hammer.more(30);
      const off = await scim.patch(`/Users/${user.id}`, [{ op: 'Replace', path: 'active', value: 'False' }]);
      const offMs = performance.now();
      await hammer.more(30);
      const beforeOnMs = performance.now();
      await scim.put(`/Users/${user.id}`, { userName: user.userName, active: true });
      const onMs = performance.now();
      await hammer.more(30);
      const beforeDeletionMs = performance.now();
      const deleted = await scim.delete(`/Users/${user.id}`);
      const deletedMs = performance.now();
      await hammer.more(30);
      await hammer.stop();
      expect(hammer.statuses(offMs, beforeOnMs)).toEqual([401]);
      expect(hammer.statuses(onMs, beforeDeletionMs)).toEqual([200]);
      expect(hammer.statuses(deletedMs)).toEqual([401]);
      for (const answer of [off, deleted]) {
        expect(receiptOf(answer)).toMatchObject({ confirmed: GATEWAYS, expired: [] });
      }
    }
  });

  it('who leaves a group that gives a role has lost it everywhere when the call returns', async () => {
    const user = await makeScimUser(scim);
    const group = await makeScimGroup(scim, { displayName: 'Portcullis Editors', members: [{ value: user.id }] });
    const hammer = new Hammer((await makePersonsToken(stack, user.id)).bearer_token, 'POST');
    await hammer.more(30);
    const beforeMs = performance.now();
    const left = await scim.patch(`/Groups/${group.id}`, [{ op: 'remove', path: `members[value eq "${user.id}"]` }]);
    const leftMs = performance.now();
    await hammer.more(30);
    await hammer.stop();
    expect(left.status).toBe(204);
    expect(hammer.statuses(0, beforeMs)).not.toContain(403);
    expect(hammer.statuses(leftMs)).toEqual([403]);
  });
});

describe('provisioning', () => {
  it('does not wait for a lease to run out: a gateway that does not answer holds nobody up', async () => {
    const frozen = stack.gateways[2]!.process;
    frozen.kill('SIGSTOP');
    try {
      const { headers } = await scim.post('/Users', { userName: uniqueName('u') });
      expect(JSON.parse(headers.get('portcullis-receipt')!)).toMatchObject({ pending: ['gw-3'], expired: [] });
    } finally {
      frozen.kill('SIGCONT');
    }
    await waitUntil('it follows again', async () => (await stack.client(2).get('/readyz')).status === 200);
  });

  it(`makes people in a row and in bulk, and ${PEOPLE} are paged through once each`, async () => {
    const tag = uniqueName('many').replace(' ', '');
    const person = (i: number): object => ({ userName: `${tag}-${i}@example.com`, externalId: `${tag}-${i}` });
    const one = async (i: number): Promise<number> => {
      const answer = await scim.post('/Users', person(i));
      expect(answer.status, answer.text).toBe(201);
      return receiptOf(answer).elapsed_ms;
    };
    const waited: number[] = [];
    for (let i = 0; i < IN_A_ROW; i++) waited.push(await one(i));
    const median = waited.toSorted((a, b) => a - b)[IN_A_ROW / 2];
    console.log(`each of ${IN_A_ROW} people waited ${median} ms (median) for gateways`);

    for (let first = IN_A_ROW; first < IN_A_ROW + IN_BULK; first += BULK) {
      const Operations = Array.from({ length: BULK }, (_, i) => {
        return { method: 'POST', path: '/Users', bulkId: `p${i}`, data: person(first + i) };
      });
      const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
      const { body } = await scim.post('/Bulk', { schemas, failOnErrors: 1, Operations });
      expect(body.Operations.map((each: Json) => each.status)).toEqual(Array(BULK).fill('201'));
    }

    await stack.database.pool.query(
      `INSERT INTO users (user_id, user_name, email, name, user_type, role, scim_managed, scim_attributes)
       SELECT $1::text || '-' || n || '@example.com', $1::text || '-' || n || '@example.com', '', 'x', 'User', 'Member', true, '{}'
       FROM generate_series($2::int, $3::int) n`,
      [tag, IN_A_ROW + IN_BULK, PEOPLE - 1],
    );

    const filter = encodeURIComponent(`userName sw "${tag}-"`);
    const seen = new Set<string>();
    for (let startIndex = 1; startIndex <= PEOPLE; startIndex += PAGE) {
      const { body } = await scim.get(`/Users?startIndex=${startIndex}&count=${PAGE}&filter=${filter}`);
      expect(body).toMatchObject({ totalResults: PEOPLE, startIndex, itemsPerPage: PAGE });
      for (const user of body.Resources) seen.add(user.userName);
    }
    expect(seen.size).toBe(PEOPLE);

    const members = [...(await stack.database.pool.query('SELECT id FROM users WHERE user_id LIKE $1 LIMIT 3000', [`${tag}-%`])).rows]; // prettier-ignore
    const group = await makeScimGroup(scim, {
      members: members.map(({ id }: { id: number }) => ({ value: String(id) })),
    });
    expect(group.members).toHaveLength(3_000);
  }, 240_000);
});
