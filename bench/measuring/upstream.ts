import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** An API behind the gateways that costs next to nothing, in a process of its own. */
export class BareUpstream {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(): Promise<BareUpstream> {
    const child = fork(new URL('upstream-process.ts', import.meta.url));
    const [port] = (await once(child, 'message')) as [number];
    return new BareUpstream(child, `http://127.0.0.1:${port}`);
  }

  /** The routes file that leads to it. */
  routes(prefix: string): string {
    return `routes:\n  - prefix: ${prefix}\n    upstreams: [${this.url}]\n`;
  }

  stop(): void {
    this.#child.disconnect();
  }
}
