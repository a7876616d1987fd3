import { parseArgs } from 'node:util';
import { makeServiceToken } from '../../test/harness/fixtures.ts';
import { Stack } from '../../test/harness/stack.ts';
import { TABLE_HEAD } from '../measuring/distribution.ts';
import { Load } from '../measuring/load.ts';
import { BareUpstream } from '../measuring/upstream.ts';
import { measureBulk } from './bulk.ts';
import { measureLargeView } from './large-view.ts';
import { measureManyGateways } from './many-gateways.ts';
import { measureReceipts } from './receipts.ts';
import { measureRefusals } from './refusals.ts';

const HELP = `npm run bench:revocation -- [options]

Measures revocation on the real parts: Postgres (with fsync), NATS, 1 token-service, 3 gateways, under load.

  --rounds N   revokes that are timed (default 300)
  --rate N     requests a second that flow meanwhile (default 2000)
  --no-large   leave out the view of a million entries
  --help`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '300' },
    rate: { type: 'string', default: '2000' },
    large: { type: 'boolean', default: true },
    help: { type: 'boolean', default: false },
  },
  allowNegative: true,
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const rounds = Number(values.rounds);
const upstream = await BareUpstream.start();
const stack = await Stack.start({
  routes: upstream.routes('/api/datastores'),
  ownPostgres: true,
  gateways: 3,
  tokenServiceEnv: { PORTCULLIS_LOG_LEVEL: 'warn' },
  gatewayEnv: { PORTCULLIS_LOG_LEVEL: 'warn' },
});
try {
  const { bearer_token: token } = await makeServiceToken(stack.admin);
  const load = await Load.start({
    urls: stack.gateways.map(({ url }) => url),
    token,
    path: '/api/datastores',
    requestsPerSecond: Number(values.rate),
  });
  console.log(`3 gateways, ${values.rate} requests a second through them\n\n${TABLE_HEAD}`);
  for (const line of await measureReceipts(stack, rounds)) console.log(line);
  for (const line of await measureRefusals(stack, rounds)) console.log(line);
  for (const line of await measureBulk(stack, 10_000)) console.log(line);
  const { sent, failed } = await load.stop();
  console.log(`\nload: ${sent} requests, ${failed} not answered 200\n`);
  for (const line of await measureManyGateways(stack, 50, rounds)) console.log(line);
  if (values.large) for (const line of await measureLargeView(stack, 900_000, 100_000)) console.log(line);
} finally {
  await stack.stop();
  upstream.stop();
}
