// The entry of `npm start`: plain JavaScript for whatever Node is there. The rest runs on the pinned Node.
import { runOnPinnedNode } from './bootstrap.mjs';
import { HELP, readOptions, UsageError } from './start/options.mjs';

try {
  // Before anything is installed, so that a mistyped option costs no minute.
  if (readOptions(process.argv.slice(2), process.env).help) console.log(HELP);
  else await runOnPinnedNode('scripts/start/main.ts', process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
