import { waitUntil } from './wait-until.ts';

export interface ServerSentEvent {
  event: string;
  data: Record<string, unknown>;
}

/** A reader of `text/event-stream`, as far as a page would be one. */
export class ServerSentEvents {
  readonly events: ServerSentEvent[] = [];
  comments = 0;
  ended = false;
  readonly status: number;
  readonly contentType: string | null;
  readonly #abort: AbortController;

  private constructor(response: Response, abort: AbortController) {
    this.status = response.status;
    this.contentType = response.headers.get('content-type');
    this.#abort = abort;
    void this.#read(response.body!).finally(() => (this.ended = true));
  }

  static async open(url: string, headers: Record<string, string>): Promise<ServerSentEvents> {
    const abort = new AbortController();
    return new ServerSentEvents(await fetch(`${url}/api/events`, { headers, signal: abort.signal }), abort);
  }

  close(): void {
    this.#abort.abort();
  }

  /** Waits for an event with these fields. */
  heard(event: string, fields: Record<string, unknown> = {}): Promise<ServerSentEvent> {
    return waitUntil(`${event} ${JSON.stringify(fields)}`, () => this.find(event, fields));
  }

  find(event: string, fields: Record<string, unknown> = {}): ServerSentEvent | undefined {
    return this.events.find(
      (each) => each.event === event && Object.entries(fields).every(([name, value]) => each.data[name] === value),
    );
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body) {
        text += decoder.decode(chunk, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        for (const block of blocks) this.#take(block);
      }
    } catch {
      // cut off, by either side
    }
  }

  #take(block: string): void {
    const fields = new Map(block.split('\n').map((line) => line.split(/: ?(.*)/s).slice(0, 2) as [string, string]));
    if (fields.has('')) this.comments += 1;
    else this.events.push({ event: fields.get('event')!, data: JSON.parse(fields.get('data')!) });
  }
}
