import type { Command } from 'commander';
import { COMMAND_LINE_ACTOR } from '../audit/actor.js';
import { KeyRetirement } from '../keys/key-retirement.js';
import { KeyRotation } from '../keys/key-rotation.js';
import { MasterKeyRewrap, type RewrapResult } from '../keys/master-key-rewrap.js';
import type { Session } from './command-session.js';
import { table } from './output.js';
import { confirmation } from './token-commands.js';

/** `keys …` */
export function addKeyCommands(program: Command, session: Session): void {
  const keys = program.command('keys').description('the keys that sign tokens');
  keys
    .command('list')
    .description('the keys, and how many active tokens each has signed')
    .action(() => list(session));
  keys
    .command('rotate')
    .description('sign new tokens with a new key, once every gateway has it; old tokens live on')
    .action(() => rotate(session));
  keys
    .command('retire')
    .argument('<kid>')
    .description('end a key and every token that it has signed, at every gateway')
    .option('--dry-run', 'say how many tokens would end, and change nothing')
    .action((kid: string, options: { dryRun?: boolean }) => retire(session, kid, options.dryRun ?? false));
  keys
    .command('rewrap')
    .description('wrap every stored key with the first master key, so that those after it can be removed')
    .action(() => rewrap(session));
}

async function list({ run, output }: Session): Promise<void> {
  const keys = await run((installation) => installation.get(KeyRetirement).list());
  const rows = keys.map((key) => [key.kid, key.alg, key.state, key.created_at, String(key.active_tokens)]);
  output().say({ keys }, table([['KID', 'ALG', 'STATE', 'CREATED', 'ACTIVE TOKENS'], ...rows]));
}

async function rotate({ run, output }: Session): Promise<void> {
  const rotated = await run((installation) => installation.get(KeyRotation).rotate(COMMAND_LINE_ACTOR));
  output().say(rotated, [
    `The key ${rotated.kid} (${rotated.alg}) signs now. ${confirmation(rotated.receipt)}`,
    `Tokens of ${rotated.previous_kid} live on until you retire it.`,
  ]);
}

async function retire({ run, output }: Session, kid: string, isDryRun: boolean): Promise<void> {
  const retired = await run(async (installation) => {
    const retirement = installation.get(KeyRetirement);
    return isDryRun ? retirement.preview(kid) : installation.settle(await retirement.retire(kid, COMMAND_LINE_ACTOR));
  });
  const { tokens_ended: count, receipt } = retired;
  const done = receipt
    ? `Retired the key ${kid}: ${count} active tokens ended. ${confirmation(receipt)}`
    : `${count} active tokens would end with the key ${kid}. Nothing was changed.`;
  output().say(retired, [done]);
}

async function rewrap({ run, output }: Session): Promise<void> {
  const result = await run((installation) => installation.get(MasterKeyRewrap).rewrap(COMMAND_LINE_ACTOR));
  const previousRemovable = result.others.length === 0;
  output().say({ ...result, previous_removable: previousRemovable }, [rewrapped(result), whatNext(result)]);
}

function rewrapped({ master_key_id: id, rewrapped: counts }: RewrapResult): string {
  const { secrets, signing_keys: keys, gateway_leases: leases } = counts;
  if (secrets + keys + leases === 0) return `Everything is wrapped with the master key ${id} already.`;
  return `Wrapped anew with the master key ${id}: ${secrets} secrets, ${keys} signing keys, ${leases} keys of gateway leases.`;
}

function whatNext({ master_key_id: id, others }: RewrapResult): string {
  if (others.length === 0)
    return `No token-service that runs wraps with another one: PORTCULLIS_MASTER_KEY needs no other key than ${id} now.`;
  const named = others.map((other) => other.master_key_id ?? 'one that it does not name').join(', ');
  return `Keep the previous key: a token-service still wraps with ${named}. Restart it with ${id} as its first master key, then run this again.`;
}
