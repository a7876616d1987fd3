import { makeServiceToken } from '../../test/harness/fixtures.ts';
import type { Stack } from '../../test/harness/stack.ts';
import { distributionOf, formatDistribution } from '../measuring/distribution.ts';

/** Lets the processes compile what revoking runs, as it is in one that has been at work for a while. */
export async function warmUp(stack: Stack, rounds: number): Promise<void> {
  const { id } = await makeServiceToken(stack.admin);
  for (let round = 0; round < rounds; round++) {
    await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true });
    await stack.admin.put(`/api/user-tokens/${id}`, { revoke: false });
  }
}

/** From the revoke call to its receipt, each beside a bare commit on the same Postgres. */
export async function measureReceipts(stack: Stack, rounds: number): Promise<string[]> {
  const { id } = await makeServiceToken(stack.admin);
  const { pool } = stack.database;
  await pool.query('CREATE TABLE bench_commit (n integer)');
  await pool.query('INSERT INTO bench_commit VALUES (0)');
  const samples = { call: [] as number[], barrier: [] as number[], commit: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    samples.commit.push(await timed(() => pool.query('UPDATE bench_commit SET n = n + 1')));
    let barrierMs = 0;
    samples.call.push(
      await timed(async () => {
        const { body } = await stack.admin.put(`/api/user-tokens/${id}`, { revoke: true });
        if (body.receipt.confirmed.length !== 3)
          throw new Error(`not confirmed by all: ${JSON.stringify(body.receipt)}`);
        barrierMs = body.receipt.elapsed_ms;
      }),
    );
    samples.barrier.push(barrierMs);
    await stack.admin.put(`/api/user-tokens/${id}`, { revoke: false });
  }
  return [
    formatDistribution('bare Postgres commit', distributionOf(samples.commit)),
    formatDistribution('revoke call to receipt, through a gateway', distributionOf(samples.call)),
    formatDistribution('  of it the barrier (receipt.elapsed_ms)', distributionOf(samples.barrier)),
  ];
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
