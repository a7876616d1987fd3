import { type Command } from 'commander';
import { ChangePasswordDto, CreateUserDto } from '@portcullis/contracts';
import { DataSource } from 'typeorm';
import { COMMAND_LINE_ACTOR } from '../audit/actor.js';
import { PasswordChange } from '../sessions/password-change.js';
import { Passwords } from '../sessions/passwords.js';
import { UsersService } from '../users/users.service.js';
import type { Session } from './command-session.js';
import { checked, type Installation } from './installation.js';
import { type PasswordOptions, readPassword } from './secret-input.js';
import { CommandError } from './settings.js';

/** `users …` */
export function addUserCommands(program: Command, session: Session): void {
  const users = program.command('users').description('people and service users');
  withPassword(users.command('create-admin').argument('<email>'))
    .description('make a person with the role Admin, who signs in with a password')
    .option('--user-name <name>', 'what they sign in with; default: the email')
    .option('--name <name>', 'what they are called', 'Admin')
    .action((email: string, options: PasswordOptions & { userName?: string; name: string }) => createAdmin(session, email, options)); // prettier-ignore
  withPassword(users.command('reset-password').argument('<user_id>'))
    .description('give a person a new password; it ends their sessions')
    .action((userId: string, options: PasswordOptions) => resetPassword(session, userId, options));
  users
    .command('create-service')
    .argument('<name>')
    .description('make a service user')
    .requiredOption('--role <role>', 'Member, Editor, Manager or Admin')
    .option('--team <name...>', 'teams that it is in')
    .action((name: string, options: { role: string; team?: string[] }) => createService(session, name, options));
}

function withPassword(command: Command): Command {
  return command
    .option('--password-file <file>', 'read the password from this file')
    .option('--password-stdin', 'read the password from standard input; without either, one is made and shown once');
}

async function createAdmin(
  { run, output, stdin }: Session,
  email: string,
  options: PasswordOptions & { userName?: string; name: string },
): Promise<void> {
  const { password, isMade } = await readPassword(options, stdin);
  await checked(ChangePasswordDto, { password });
  const fields = { user_type: 'User', role: 'Admin', email, user_name: options.userName, name: options.name };
  const dto = await checked(CreateUserDto, fields);
  const user = await run(async (installation) => {
    const hash = await installation.get(Passwords).hash(password);
    return installation.settle(await installation.get(UsersService).create(dto, COMMAND_LINE_ACTOR, hash));
  });
  const made = isMade ? { password } : {};
  const lines = [`Made the Admin ${user.user_name} (user ${user.id}).`, ...shown(password, isMade)];
  output().say({ id: user.id, user_id: user.user_id, user_name: user.user_name, ...made }, lines);
}

async function resetPassword({ run, output, stdin }: Session, userId: string, options: PasswordOptions): Promise<void> {
  const { password, isMade } = await readPassword(options, stdin);
  const dto = await checked(ChangePasswordDto, { password });
  const id = await run(async (installation) => {
    const user = await userNumber(installation, userId);
    await installation.get(PasswordChange).change(user, dto, COMMAND_LINE_ACTOR, undefined);
    return user;
  });
  const lines = [`${userId} has a new password, and was signed out everywhere.`, ...shown(password, isMade)];
  output().say({ id, user_id: userId.toLowerCase(), ...(isMade && { password }) }, lines);
}

async function createService(
  { run, output }: Session,
  name: string,
  { role, team: teams }: { role: string; team?: string[] },
): Promise<void> {
  const dto = await checked(CreateUserDto, { name, role, teams });
  const user = await run(async (installation) =>
    installation.settle(await installation.get(UsersService).create(dto, COMMAND_LINE_ACTOR)),
  );
  const { id, user_id } = user;
  output().say({ id, user_id, role: user.role, teams: user.teams }, [`Made the service user ${user_id} (user ${id}).`]);
}

/** The number of who has this user_id. @throws CommandError */
export async function userNumber(installation: Installation, userId: string): Promise<number> {
  const sql = 'SELECT id FROM users WHERE user_id = $1';
  const [row] = await installation.get(DataSource).query<{ id: number }[]>(sql, [userId.toLowerCase()]);
  if (!row) throw new CommandError(`There is no user ${userId}.`);
  return row.id;
}

function shown(password: string, isMade: boolean): string[] {
  return isMade ? ['The password, which is not shown again:', password] : [];
}
