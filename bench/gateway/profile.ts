import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LINES = 40;
/** What V8 says while nothing of ours runs. */
const NOT_WORK = new Set(['(idle)', '(program)', '(root)']);

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

/** Where the time of a process went, by function, as shares of the time in which it did something. */
export async function profileOf(folder: string, pid: number): Promise<string[]> {
  const name = (await readdir(folder)).find((file) => file.split('.').includes(String(pid)));
  if (!name) throw new Error(`process ${pid} has left no profile`);
  const profile = JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile;
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const microseconds = new Map<string, number>();
  profile.samples.forEach((id, i) => {
    const frame = frames.get(id)!;
    if (NOT_WORK.has(frame.functionName)) return;
    const where = `${frame.functionName || '(anonymous)'}  ${place(frame)}`;
    microseconds.set(where, (microseconds.get(where) ?? 0) + profile.timeDeltas[i]!);
  });
  const total = [...microseconds.values()].reduce((sum, each) => sum + each, 0);
  return [...microseconds]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, LINES)
    .map(([where, spent]) => `${((100 * spent) / total).toFixed(1).padStart(6)} %  ${where}`);
}

function place({ url, lineNumber }: { url: string; lineNumber: number }): string {
  if (url === '') return '';
  const path = url.startsWith('file:') ? fileURLToPath(url).split('/').slice(-2).join('/') : url;
  return `${path}:${lineNumber + 1}`;
}
