import { ACCESS_SUBJECT } from '@portcullis/contracts';
import { connect } from '@nats-io/transport-node';
import { Client } from 'undici';
import { makeServiceToken } from '../../test/harness/fixtures.ts';
import type { Stack } from '../../test/harness/stack.ts';
import { distributionOf, formatDistribution } from '../measuring/distribution.ts';

/**
 * From the commit of a revoke to the first refusal at the slowest gateway. The commit is taken to be when the change is heard on
 * NATS, where it is published right after; each gateway is asked again and again, so the figure holds up to one round trip of
 * the question itself, which is printed beside it.
 */
export async function measureRefusals(stack: Stack, rounds: number): Promise<string[]> {
  const { id, bearer_token } = await makeServiceToken(stack.admin);
  const nats = await connect({ servers: stack.nats.url });
  const clients = stack.gateways.map(({ url }) => new Client(url));
  let committedMs = 0;
  nats.subscribe(ACCESS_SUBJECT, {
    callback: (_error, message) => {
      if (message.string().includes(`"id":"${id}","value":"revoked"`)) committedMs = performance.now();
    },
  });
  await nats.flush();

  const [refusals, trips]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const refused = clients.map((client) => firstRefusal(client, bearer_token, trips));
    await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true });
    refusals.push(Math.max(...(await Promise.all(refused))) - committedMs);
    await stack.admin.put(`/api/user-tokens/${id}`, { revoke: false });
  }
  await nats.close();
  await Promise.all(clients.map((client) => client.close()));
  return [
    formatDistribution('revoke commit to first refusal at the slowest of 3 gateways', distributionOf(refusals)),
    formatDistribution('  one question to a gateway meanwhile', distributionOf(trips)),
  ];
}

/** Asks without a pause until the token is refused. @returns when the refusal was heard */
async function firstRefusal(client: Client, token: string, trips: number[]): Promise<number> {
  for (;;) {
    const askedMs = performance.now();
    const { statusCode, body } = await client.request({
      path: '/api/datastores',
      method: 'GET',
      headers: { authorization: `Bearer ${token}` },
    });
    await body.dump();
    trips.push(performance.now() - askedMs);
    if (statusCode === 401) return performance.now();
  }
}
