import type { Socket } from 'node:net';

/** `held` bytes come later, as after a network outage; `swallowed` ones never do. */
export type LaneCondition =
  | { readonly kind: 'sound' }
  | { readonly kind: 'delayed'; readonly delayMs: number }
  | { readonly kind: 'held' }
  | { readonly kind: 'swallowed' };

export const SOUND: LaneCondition = { kind: 'sound' };

/** What waits in a lane; beyond that its sender is stopped, as by a full window. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

/** A piece of the stream, its orderly end, or the news that its sender is gone for good. */
type Item = Buffer | 'end' | 'gone';

/** One direction of a connection. Order is kept under every condition. */
export class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #broken: () => void;
  readonly #waiting: { item: Item; dueMs: number }[] = [];
  #waitingBytes = 0;
  #condition: LaneCondition = SOUND;
  #timer: NodeJS.Timeout | undefined;
  #hasLost = false;

  /** @param broken called when the sender is gone and everything before that has been passed on */
  constructor(from: Socket, to: Socket, broken: () => void) {
    this.#from = from;
    this.#to = to;
    this.#broken = broken;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.once('end', () => this.#take('end'));
    from.on('error', () => undefined); // 'close' follows
    from.once('close', () => this.#take('gone'));
    to.on('drain', () => this.#resumeIfRoom());
  }

  /** Whether bytes were swallowed. */
  get hasLost(): boolean {
    return this.#hasLost;
  }

  impose(condition: LaneCondition): void {
    this.#condition = condition;
    if (condition.kind !== 'delayed') for (const each of this.#waiting) each.dueMs = 0;
    this.#pump();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #take(item: Item): void {
    if (this.#condition.kind === 'swallowed') {
      this.#hasLost = true;
      return;
    }
    const delayMs = this.#condition.kind === 'delayed' ? this.#condition.delayMs : 0;
    this.#waiting.push({ item, dueMs: performance.now() + delayMs });
    this.#waitingBytes += sizeOf(item);
    this.#pump();
    if (this.#isFull()) this.#from.pause();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    if (this.#condition.kind === 'held' || this.#condition.kind === 'swallowed') return;
    const nowMs = performance.now();
    while (this.#waiting[0] && this.#waiting[0].dueMs <= nowMs) this.#pass(this.#waiting.shift()!.item);
    if (this.#waiting[0]) this.#timer = setTimeout(() => this.#pump(), this.#waiting[0].dueMs - nowMs);
    this.#resumeIfRoom();
  }

  #pass(item: Item): void {
    this.#waitingBytes -= sizeOf(item);
    if (item === 'gone') this.#broken();
    else if (item === 'end') this.#to.end();
    else if (!this.#to.destroyed) this.#to.write(item);
  }

  #resumeIfRoom(): void {
    if (this.#from.isPaused() && !this.#isFull()) this.#from.resume();
  }

  #isFull(): boolean {
    return this.#waitingBytes + this.#to.writableLength > WAITING_BYTES_MAX;
  }
}

function sizeOf(item: Item): number {
  return typeof item === 'string' ? 0 : item.length;
}
