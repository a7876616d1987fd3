// Run as a process of its own, to be frozen by SIGSTOP: takes the relay's lock, and tries to mark row 1 when told to on stdin.
import { registerHooks } from 'node:module';

// From the sources: what they call .js is not built.
registerHooks({
  resolve: (specifier, context, next) => {
    const isOurs = specifier.startsWith('.') && !context.parentURL?.includes('/node_modules/');
    return next(isOurs ? specifier.replace(/\.js$/, '.ts') : specifier, context);
  },
});
const { RelaySession } = await import('../relay-session.ts');

const [databaseUrl, idleTimeoutMs] = process.argv.slice(2);
const session = await RelaySession.open(databaseUrl!, Number(idleTimeoutMs));
process.stdout.write((await session.tryLead()) ? 'leads\n' : 'follows\n');

process.stdin.once('data', () => {
  void session
    .mark([{ id: 1, streamSeq: 1 }])
    .then(
      () => process.stdout.write('marked\n'),
      () => process.stdout.write('refused\n'),
    )
    .finally(() => process.exit(0));
});
