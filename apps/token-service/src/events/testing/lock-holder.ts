// Run as a process of its own, to be frozen by SIGSTOP: takes the relay's lock, and tries to mark row 1 when told to on stdin.
import { RelaySession } from '../relay-session.ts';

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
