/** What a field value may hold (RFC 9110 section 5.5), and what a request target may hold here. */
const BAD_VALUE = /[^\t\x20-\x7E\x80-\xFF]/;
const BAD_TARGET = /[^\x21-\x7E\x80-\xFF]/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * The head of a request without a body (RFC 9112 section 2.1).
 *
 * @param headers a flat list of names and values
 * @throws TypeError when something in it would end its line or begin another; nothing that came through a parser does
 */
export function requestHead(method: string, target: string, host: string, headers: readonly string[]): string {
  if (!NAME.test(method) || BAD_TARGET.test(target)) throw new TypeError('this request line could be read in two ways');
  let head = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n`;
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = [headers[i] as string, headers[i + 1] as string];
    if (!isName(name) || BAD_VALUE.test(value)) throw new TypeError('this header could be read in two ways');
    head += `${name}: ${value}\r\n`;
  }
  return `${head}\r\n`;
}

/** Spellings that were good: there are few, and clients that make them up fill no memory. */
const SPELLINGS_MAX = 1_024;
const good = new Set<string>();

function isName(name: string): boolean {
  if (good.has(name)) return true;
  if (!NAME.test(name)) return false;
  if (good.size < SPELLINGS_MAX) good.add(name);
  return true;
}
