import { createRequire } from 'node:module';

/** What the parser tells, in this order: heads and trailers that are long come in parts before their end is told. */
export interface ResponseEvents {
  messageBegins(): void;
  /** Part of a head that is long, or the trailers. A flat list of names and values. */
  headers(part: string[]): void;
  /** @param rest of the head; all of it unless parts came before. @returns whether there is no body, whatever the head says */
  headersEnd(status: number, phrase: string, rest: string[] | undefined, keepAlive: boolean): boolean;
  body(chunk: Buffer): void;
  messageEnds(): void;
}

/** llhttp, strict, for the answers on one connection, one after the other. */
export interface ResponseParser {
  /** @throws what it holds against the bytes, or what an event threw */
  execute(bytes: Buffer): void;
  /** The connection has ended: so has a body without a length. @throws when that is in the middle of a message */
  finish(): void;
  /** Frees it; not from within an event. */
  close(): void;
}

type NativeParser = Record<number, unknown> & {
  initialize(type: number, owner: object, maxHeaderBytes: number, lenient: number): void;
  execute(bytes: Buffer): unknown;
  finish(): unknown;
  close(): void;
};
type NativeParserClass = (new () => NativeParser) & Record<'RESPONSE' | CallbackName, number>;
type CallbackName = 'kOnMessageBegin' | 'kOnHeaders' | 'kOnHeadersComplete' | 'kOnBody' | 'kOnMessageComplete';

const NUMBERS = [
  'RESPONSE',
  'kOnMessageBegin',
  'kOnHeaders',
  'kOnHeadersComplete',
  'kOnBody',
  'kOnMessageComplete',
] as const;
const STRICT = 0;
const [BODY, NO_BODY] = [0, 1];
const HEAD_BYTES_MAX = 65_536;

/**
 * The parser that `node:http` itself uses. Node shows it to its own modules only, so it is looked for, and found wanting where it
 * isn't what is known here: undici does the work then.
 */
const native = findNativeParser();

export const hasResponseParser = native !== undefined;

/** @throws when {@link hasResponseParser} is false */
export function createResponseParser(events: ResponseEvents): ResponseParser {
  if (!native) throw new Error('this Node has no parser that is known here');
  const parser = new native();
  parser.initialize(native.RESPONSE, events, HEAD_BYTES_MAX, STRICT);
  parser[native.kOnMessageBegin] = () => events.messageBegins();
  parser[native.kOnHeaders] = (part: string[]) => events.headers(part);
  parser[native.kOnHeadersComplete] = (
    _major: number,
    minor: number,
    rest: string[] | undefined,
    _method: undefined,
    _url: undefined,
    status: number,
    phrase: string,
    _upgrade: boolean,
    keepAlive: boolean,
    // What HTTP/1.0 makes of Transfer-Encoding is anybody's guess (RFC 9112 section 6.1).
  ) => (events.headersEnd(status, phrase, rest, keepAlive && minor === 1) ? NO_BODY : BODY);
  parser[native.kOnBody] = (chunk: Buffer) => events.body(chunk);
  parser[native.kOnMessageComplete] = () => events.messageEnds();
  return {
    execute: (bytes) => throwErrors(parser.execute(bytes)),
    finish: () => throwErrors(parser.finish()),
    close: () => parser.close(),
  };
}

function throwErrors(result: unknown): void {
  if (result instanceof Error) throw result;
}

function findNativeParser(): NativeParserClass | undefined {
  try {
    const { HTTPParser } = createRequire(import.meta.url)('_http_common') as { HTTPParser?: NativeParserClass };
    const known = HTTPParser !== undefined && NUMBERS.every((name) => typeof HTTPParser[name] === 'number');
    return known ? HTTPParser : undefined;
  } catch {
    return undefined; // a Node that hides it
  }
}
