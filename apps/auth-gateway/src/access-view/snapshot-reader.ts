import { SNAPSHOT_LINE_BYTES_MAX, type SnapshotHeader } from '@portcullis/contracts';
import { AccessView } from './access-view.js';
import {
  MalformedMessage,
  parseFact,
  parseJson,
  parseTokenState,
  record,
  seqOf,
  string,
  tokenIdOf,
} from './ledger-messages.js';

const NEWLINE = 0x0a;

/**
 * Reads a snapshot (NDJSON: header, pages, end) into a view of its own, which nobody sees until it is whole.
 *
 * @throws MalformedMessage when it was cut off, when its count differs, or when anything in it is not what it should be
 */
export async function readSnapshot(chunks: AsyncIterable<Uint8Array>): Promise<AccessView> {
  const reader = new SnapshotReader();
  for await (const line of splitLines(chunks)) reader.take(parseJson(line));
  return reader.finish();
}

class SnapshotReader {
  #view: AccessView | undefined;
  #count = 0;
  #ended = false;

  take(line: unknown): void {
    if (this.#ended) throw new MalformedMessage('the snapshot goes on after its end');
    const value = record(line);
    if (!this.#view) this.#view = viewOf(parseHeader(value));
    else if (value['end'] === true) this.#end(value['count']);
    else this.#takePage(this.#view, value);
  }

  finish(): AccessView {
    if (!this.#view || !this.#ended) throw new MalformedMessage('the snapshot was cut off');
    return this.#view;
  }

  #takePage(view: AccessView, page: Record<string, unknown>): void {
    this.#count += page['kind'] === 'token' ? takeTokens(view, page) : takeFacts(view, page);
  }

  #end(count: unknown): void {
    if (count !== this.#count) {
      throw new MalformedMessage(`the snapshot holds ${this.#count} entries and says ${String(count)}`);
    }
    this.#ended = true;
  }
}

/** @returns how many */
function takeTokens(view: AccessView, { state, ids }: Record<string, unknown>): number {
  const value = parseTokenState(state);
  if (!Array.isArray(ids)) throw new MalformedMessage('a page of the snapshot has no ids');
  for (const id of ids) view.putToken(tokenIdOf(id), value);
  return ids.length;
}

/** @returns how many */
function takeFacts(view: AccessView, { kind, entries }: Record<string, unknown>): number {
  if (!Array.isArray(entries)) throw new MalformedMessage('a page of the snapshot has no entries');
  for (const entry of entries) {
    if (!Array.isArray(entry) || entry.length !== 2) throw new MalformedMessage('an entry is not [id, value]');
    view.put(parseFact(kind, entry[0], entry[1]));
  }
  return entries.length;
}

function parseHeader({ epoch, seq }: Record<string, unknown>): SnapshotHeader {
  return { epoch: string(epoch, 'epoch'), seq: seqOf(seq) };
}

function viewOf({ epoch, seq }: SnapshotHeader): AccessView {
  return new AccessView(epoch, seq);
}

/** Yields complete lines; what follows the last newline is a line that was cut off, and is yielded by nobody. */
async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let parts: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      const line = decoder.decode(Buffer.concat(parts));
      parts = [];
      pendingBytes = 0;
      start = end + 1;
      if (line !== '') yield line;
    }
    parts.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > SNAPSHOT_LINE_BYTES_MAX) throw new MalformedMessage('a line of the snapshot is too long');
  }
}
