import { writeFile } from 'node:fs/promises';
import { ensureProgram } from '../../scripts/stack/debian-program.ts';
import { runCommand } from '../../scripts/stack/run-command.ts';

const WRK = {
  name: 'wrk',
  variable: 'WRK_BIN',
  versionArgument: '-v',
  version: /^wrk /,
  howToGetIt: 'wrk makes the load: install it (Debian and Ubuntu: apt-get install wrk), or name it in WRK_BIN',
};
const MARGIN_MS = 30_000;

export interface WrkRun {
  url: string;
  connections: number;
  seconds: number;
  /** A Lua script, and what it is given. */
  script?: string | undefined;
  scriptArguments?: readonly string[];
  token?: string | undefined;
  headers?: Readonly<Record<string, string>>;
}

export interface WrkResult {
  requests: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Not 2xx or 3xx. */
  refused: number;
  /** Connections, reads and writes that failed, and answers that took too long. */
  socketErrors: number;
}

/** As many requests as there is time for, over that many connections, by one thread. */
export async function runWrk({
  url,
  connections,
  seconds,
  script,
  scriptArguments = [],
  token,
  headers = {},
}: WrkRun): Promise<WrkResult> {
  const wrk = await ensureProgram(WRK, { notice: console.error });
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '10s'];
  if (token) args.push('-H', `Authorization: Bearer ${token}`);
  for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`);
  if (script) args.push('-s', script);
  args.push(url, ...(scriptArguments.length > 0 ? ['--', ...scriptArguments] : []));
  const { code, output } = await runCommand(wrk, args, { timeoutMs: seconds * 1_000 + MARGIN_MS });
  if (code !== 0) throw new Error(`wrk failed: ${output}`);
  return parse(output);
}

/** Sends one after the other of the tokens in a file, a line each, from the one whose number, from 0, comes as the second argument. */
export async function writeTokensScript(path: string): Promise<void> {
  await writeFile(path, TOKENS_SCRIPT);
}

/** Sends a body of that many bytes. */
export async function writeUploadScript(path: string, bytes: number): Promise<void> {
  await writeFile(path, `wrk.method = "POST"\nwrk.body = string.rep("x", ${bytes})\n`);
}

const TOKENS_SCRIPT = `local requests, at = {}, 0
function init(args)
  at = tonumber(args[2] or 0)
  for token in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", nil, { Host = wrk.headers["Host"], Authorization = "Bearer " .. token })
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
`;

function parse(output: string): WrkResult {
  const [, requests, seconds] = /(\d+) requests in ([\d.]+)s/.exec(output) ?? [];
  if (!requests || !seconds) throw new Error(`wrk said something unexpected: ${output}`);
  const [, ...errors] = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output) ?? [];
  return {
    requests: Number(requests),
    perSecond: Number(requests) / Number(seconds),
    p50Ms: latencyMs(output, '50%'),
    p99Ms: latencyMs(output, '99%'),
    refused: Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0),
    socketErrors: errors.reduce((total, count) => total + Number(count), 0),
  };
}

const UNITS_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000 };

function latencyMs(output: string, percentile: string): number {
  const [, value, unit] = new RegExp(`${percentile}\\s+([\\d.]+)(us|ms|s)`).exec(output) ?? [];
  return Number(value) * UNITS_MS[unit ?? '']!;
}
