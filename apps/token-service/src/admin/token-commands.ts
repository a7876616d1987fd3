import { type Command, InvalidArgumentError } from 'commander';
import { CreateTokenDto, type ReceiptDto } from '@portcullis/contracts';
import { COMMAND_LINE_ACTOR } from '../audit/actor.js';
import { TokenIssuer } from '../tokens/token-issuer.js';
import { TokensService } from '../tokens/tokens.service.js';
import type { Session } from './command-session.js';
import { checked } from './installation.js';
import { CommandError } from './settings.js';
import { userNumber } from './user-commands.js';

interface CreateOptions {
  days?: number;
  never?: boolean;
  scim?: boolean;
}

/** `tokens …` */
export function addTokenCommands(program: Command, session: Session): void {
  const tokens = program.command('tokens').description('tokens of service users');
  tokens
    .command('create')
    .argument('<user_id>', 'a service user, like reports@service')
    .argument('<name>')
    .description('make a token; it is printed this once, alone on the last line')
    .option('--days <number>', 'how long it lives', wholeNumber)
    .option('--never', 'it never expires')
    .option('--scim', 'it opens SCIM and nothing else')
    .action((userId: string, name: string, options: CreateOptions) => createToken(session, userId, name, options));
  tokens
    .command('revoke')
    .argument('<id>', 'its number', wholeNumber)
    .description('revoke a token at every gateway; ends when they have confirmed it')
    .option('--cascade', 'and the tokens that were made with it')
    .action((id: number, options: { cascade?: boolean }) => revokeToken(session, id, options.cascade ?? false));
}

async function createToken(
  { run, output }: Session,
  userId: string,
  name: string,
  { days, never = false, scim = false }: CreateOptions,
): Promise<void> {
  if ((days === undefined) === !never) throw new CommandError('Give --days <number> or --never.');
  const token = await run(async (installation) => {
    const fields = { name, user_id: await userNumber(installation, userId), expires_in_days: days ?? null, scim };
    const dto = await checked(CreateTokenDto, fields);
    return installation.get(TokenIssuer).issue(dto, COMMAND_LINE_ACTOR);
  });
  const until = token.expiration ? `until ${token.expiration}` : 'for ever';
  output().say(token, [`Made the token ${token.id} of ${userId}, good ${until}. It is not shown again:`, token.bearer_token]); // prettier-ignore
}

async function revokeToken({ run, output }: Session, id: number, cascade: boolean): Promise<void> {
  const token = await run(async (installation) =>
    installation.settle(
      await installation.get(TokensService).update(id, { revoke: true, cascade }, COMMAND_LINE_ACTOR),
    ),
  );
  const made = token.children === 0 ? '' : ` and ${token.children} made with it ${cascade ? 'too' : 'are not'}`;
  output().say(token, [`Revoked the token ${id}${made}. ${confirmation(token.receipt!)}`]);
}

/** A receipt in a sentence. */
export function confirmation({ confirmed, expired, pending = [], unconfirmed = [] }: ReceiptDto): string {
  const groups: [string, string[]][] = [
    ['confirmed by', confirmed],
    ['lease over:', expired],
    ['not confirmed yet:', pending],
    ['cut off, may go on with what was true before:', unconfirmed],
  ];
  const named = groups.filter(([, names]) => names.length > 0).map(([what, names]) => `${what} ${names.join(', ')}`);
  return named.length > 0 ? `Gateways: ${named.join('; ')}.` : 'No gateway holds a lease.';
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}
