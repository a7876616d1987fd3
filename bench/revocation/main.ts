import { parseArgs } from 'node:util';
import { makeServiceToken } from '../../test/harness/fixtures.ts';
import { Stack } from '../../test/harness/stack.ts';
import { TABLE_HEAD } from '../measuring/distribution.ts';
import { Load } from '../measuring/load.ts';
import { BareUpstream } from '../measuring/upstream.ts';
import { measureBulk } from './bulk.ts';
import { measureLargeView } from './large-view.ts';
import { measureManyGateways } from './many-gateways.ts';
import { measureReceipts, warmUp } from './receipts.ts';
import { measureRefusals } from './refusals.ts';

const HELP = `npm run bench:revocation -- [options]

Measures revocation on the real parts: Postgres (with fsync), NATS, 1 token-service, 3 gateways, under load.

  --rounds N   revokes that are timed (default 300)
  --warmup N   revokes before them, which are not: processes that just started run code that is not yet compiled (default 500)
  --rate N     requests a second that flow meanwhile (default 2000)
  --only TEXT  only the parts whose names have TEXT in them: receipts, refusals, bulk, many gateways, large view
  --help`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '300' },
    warmup: { type: 'string', default: '500' },
    rate: { type: 'string', default: '2000' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const rounds = Number(values.rounds);
const UNDER_LOAD = {
  receipts: () => measureReceipts(stack, rounds),
  refusals: () => measureRefusals(stack, rounds),
  bulk: () => measureBulk(stack, 10_000),
};
const AT_REST = {
  'many gateways': () => measureManyGateways(stack, 50, rounds),
  'large view': () => measureLargeView(stack, 900_000, 100_000),
};
type Parts = Record<string, () => Promise<string[]>>;
const wanted = (parts: Parts): Parts[string][] =>
  Object.entries(parts).flatMap(([name, measure]) => (name.includes(values.only) ? [measure] : []));

const upstream = await BareUpstream.start();
const stack = await Stack.start({
  routes: upstream.routes('/api/datastores'),
  ownPostgres: true,
  gateways: 3,
  tokenServiceEnv: { PORTCULLIS_LOG_LEVEL: 'warn' },
  gatewayEnv: { PORTCULLIS_LOG_LEVEL: 'warn' },
});
try {
  if (wanted(UNDER_LOAD).length > 0) await underLoad(wanted(UNDER_LOAD));
  for (const measure of wanted(AT_REST)) for (const line of await measure()) console.log(line);
} finally {
  await stack.stop();
  upstream.stop();
}

async function underLoad(parts: Parts[string][]): Promise<void> {
  const { bearer_token: token } = await makeServiceToken(stack.admin);
  const load = await Load.start({
    urls: stack.gateways.map(({ url }) => url),
    token,
    path: '/api/datastores',
    requestsPerSecond: Number(values.rate),
  });
  await warmUp(stack, Number(values.warmup));
  console.log(`3 gateways, ${values.rate} requests a second through them\n\n${TABLE_HEAD}`);
  for (const measure of parts) for (const line of await measure()) console.log(line);
  const { sent, failed } = await load.stop();
  console.log(`\nload: ${sent} requests, ${failed} not answered 200\n`);
}
