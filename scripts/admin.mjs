// The entry of `npm run admin`: the admin command line of the token-service, on the pinned Node.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runOnPinnedNode } from './bootstrap.mjs';

const COMMAND_LINE = 'apps/token-service/dist/admin/main.js';

try {
  if (!existsSync(join(dirname(dirname(fileURLToPath(import.meta.url))), COMMAND_LINE))) {
    throw new Error('Nothing is built yet: run "npm start" or "npm run build" first');
  }
  await runOnPinnedNode(COMMAND_LINE, process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
