import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Distribution } from './distribution.ts';

export interface LoadOptions {
  urls: readonly string[];
  token: string;
  path: string;
  requestsPerSecond: number;
}

export interface LoadResult {
  sent: number;
  failed: number;
  /** From when a request was due to the end of its answer. */
  latency: Distribution | undefined;
}

/** A steady stream of requests from a process of its own, so that it doesn't share an event loop with what measures. */
export class Load {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(options: LoadOptions): Promise<Load> {
    const child = fork(new URL('load-process.ts', import.meta.url), {
      env: { ...process.env, LOAD: JSON.stringify(options) },
    });
    await once(child, 'message');
    return new Load(child);
  }

  async stop(): Promise<LoadResult> {
    this.#child.send('stop');
    const [result] = (await once(this.#child, 'message')) as [LoadResult];
    this.#child.disconnect();
    return result;
  }
}
