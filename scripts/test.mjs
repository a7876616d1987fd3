// The entry of `npm test`: plain JavaScript for whatever Node is there. The rest runs on the pinned Node.
import { runOnPinnedNode } from './bootstrap.mjs';

try {
  await runOnPinnedNode('scripts/test/main.ts', process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
