import type { ServerResponse } from 'node:http';
import type { LiveUpdateDto, Role } from '@portcullis/contracts';

/** A client that reads slower than this is cut off, and reads everything again when it is back. */
const WAITING_BYTES_MAX = 64 * 1024;

/** What the stream lasts as long as: a session or a token. */
export type StreamCredential = { sessionId: number } | { tokenId: number };

/** One open `text/event-stream` (HTML, section 9.2), and whose it is. */
export class EventStreamConnection {
  constructor(
    private readonly response: ServerResponse,
    readonly credential: StreamCredential,
    readonly userId: number,
    public role: Role,
  ) {}

  /** An Admin hears of everything, everyone else of themselves and their tokens. */
  wants({ user_id }: LiveUpdateDto): boolean {
    return this.role === 'Admin' || user_id === this.userId;
  }

  send(event: 'ready' | 'change' | 'end', data: object): void {
    this.#write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** A comment, so that nothing on the way takes the silence for the end. */
  beat(): void {
    this.#write(': still here\n\n');
  }

  end(): void {
    this.response.end();
  }

  #write(text: string): void {
    if (this.response.writableLength > WAITING_BYTES_MAX) this.response.destroy();
    else if (!this.response.writableEnded) this.response.write(text);
  }
}
