import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { makeServiceUser, makeToken, uniqueName } from '../../test/harness/fixtures.ts';
import type { Stack } from '../../test/harness/stack.ts';

const AT_ONCE = 16;
const PROGRESS_INTERVAL = 10_000;

/** Issues that many good tokens through the API, and writes them to a file, a line each. */
export async function writeGoodTokens(stack: Stack, path: string, count: number): Promise<void> {
  const { id: user_id } = await makeServiceUser(stack.admin);
  const api = stack.direct(0, stack.adminToken);
  const tokens: string[] = [];
  const issue = async (): Promise<void> => {
    while (tokens.length < count) {
      const at = tokens.push('') - 1;
      const created = await makeToken(api, { user_id, name: uniqueName('bench') });
      tokens[at] = created.bearer_token;
      if (at % PROGRESS_INTERVAL === PROGRESS_INTERVAL - 1) console.error(`  ${at + 1} of ${count} tokens issued`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, issue));
  await writeFile(path, tokens.join('\n'));
}

/** Tokens that are nothing but random letters. */
export async function writeRandomTokens(path: string, count: number): Promise<void> {
  await writeFile(path, Array.from({ length: count }, () => randomBytes(180).toString('base64url')).join('\n'));
}

/** Tokens with the header and the claims of a good one, but a `jti` and a signature that are made up. */
export async function writeForgedTokens(path: string, good: string, count: number): Promise<void> {
  const [header, payload] = good.split('.') as [string, string];
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  const forge = (n: number): string => {
    const forged = { ...claims, jti: `${n + 1}.${randomBytes(12).toString('base64url')}` };
    return [
      header,
      Buffer.from(JSON.stringify(forged)).toString('base64url'),
      randomBytes(64).toString('base64url'),
    ].join('.');
  };
  await writeFile(path, Array.from({ length: count }, (_, n) => forge(n)).join('\n'));
}
