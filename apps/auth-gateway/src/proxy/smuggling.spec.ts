import { afterEach, describe, expect, it, vi } from 'vitest';
import { RawClient, Started, type TestGateway } from './testing/gateway-harness.js';

const started = new Started();
afterEach(() => started.stop());

const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000 });

/** A gateway before an upstream that writes down every byte and answers each request that it makes out by its blank line. */
async function recorded(): Promise<TestGateway & { bytes: () => string }> {
  let bytes = '';
  const upstream = await started.rawUpstream((socket) => {
    socket.on('data', (piece: Buffer) => {
      bytes += piece.toString('latin1');
      if (bytes.includes('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  return { ...(await started.inFrontOf([upstream])), bytes: () => bytes };
}

const HEAD = 'POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer editor\r\n';
const SMUGGLED = 'GET /a/smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

/** Each would be one request to one parser and two, or another one, to another. */
const REFUSED: [string, string][] = [
  ['CL.TE', `${HEAD}Content-Length: 6\r\n${CHUNKED}\r\n0\r\n\r\nG`],
  ['TE.CL', `${HEAD}${CHUNKED}Content-Length: 4\r\n\r\n5c\r\n${SMUGGLED}\r\n0\r\n\r\n`],
  ['a length beside chunked, of 0', `${HEAD}Content-Length: 0\r\n${CHUNKED}\r\n0\r\n\r\n`],
  ['lengths in a list', `${HEAD}Content-Length: 5, 5\r\n\r\nhello`],
  ['the same length twice', `${HEAD}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
  ['a negative length', `${HEAD}Content-Length: -1\r\n\r\n`],
  ['a length in hexadecimal', `${HEAD}Content-Length: 0x5\r\n\r\nhello`],
  ['a length with a space in it', `${HEAD}Content-Length: 1 0\r\n\r\nhello`],
  ['an empty length', `${HEAD}Content-Length: \r\n\r\n${SMUGGLED}`],
  ['a length beyond all numbers', `${HEAD}Content-Length: 18446744073709551617\r\n\r\n${SMUGGLED}`],
  ['a folded framing header', `${HEAD}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
  ['a header that begins with a space', `POST /a HTTP/1.1\r\n Content-Length: 5\r\nHost: a\r\n\r\nhello`],
  ['a tab before the colon', `${HEAD}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n`],
  ['a vertical tab before chunked', `${HEAD}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  ['a NUL in a value', `${HEAD}X: a\0b\r\n\r\n`],
  ['a bare CR in a value', `${HEAD}X: a\rContent-Length: 5\r\n\r\nhello`],
  ['a bare LF in a value', `${HEAD}X: a\nContent-Length: 5\r\n\r\nhello`],
  ['a name with a space', `${HEAD}Content Length: 5\r\n\r\nhello`],
  ['a name in brackets', `${HEAD}Content[Length]: 5\r\n\r\nhello`],
  ['no name', `${HEAD}: x\r\n\r\n`],
  ['a line without a colon', `${HEAD}Content-Length\r\n\r\n`],
  ['chunked in a list with itself', `${HEAD}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
  ['identity besides', `${HEAD}Transfer-Encoding: identity\r\n${CHUNKED}\r\n0\r\n\r\n`],
  ['chunked before another coding', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ['chunked in quotes', `${HEAD}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`],
  ['a method with a space before it', ` ${HEAD}\r\n`],
  ['more in the request line', `POST /a HTTP/1.1 x\r\nHost: a\r\n\r\n`],
  ['a list of hosts', `POST /a HTTP/1.1\r\nHost: a, b\r\n\r\n`],
  ['a host with a path', `POST /a HTTP/1.1\r\nHost: a/b\r\n\r\n`],
  ['a host with someone’s name', `POST /a HTTP/1.1\r\nHost: a@b\r\n\r\n`],
];

/** What they are asked for makes no difference: who shares the connection might read it differently. */
const ANYWHERE: [string, string][] = [
  ['no Host', 'POST PATH HTTP/1.1\r\n\r\n'],
  ['two Hosts', 'POST PATH HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['chunks in HTTP/1.0', `POST PATH HTTP/1.0\r\nConnection: keep-alive\r\n${CHUNKED}\r\n0\r\n\r\n`],
  ['a coding besides chunked', 'POST PATH HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['another version', 'POST PATH HTTP/2.0\r\nHost: a\r\n\r\n'],
];

/** The head is in order and is passed on; where the body stops being, the connection to the upstream is cut. */
const CUT: [string, string][] = [
  ['a size that is no number', 'g\r\nhello\r\n0\r\n\r\n'],
  ['a signed size', '+5\r\nhello\r\n0\r\n\r\n'],
  ['a size with a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a size with a space before it', ' 5\r\nhello\r\n0\r\n\r\n'],
  ['a size beyond all numbers', `10000000000000005\r\nhello\r\n0\r\n\r\n`],
  ['data longer than its size', '3\r\nhello\r\n0\r\n\r\n'],
  ['a size that ends in a bare LF', '5\nhello\r\n0\r\n\r\n'],
  ['a size that ends in a bare CR', '5\rhello\r\n0\r\n\r\n'],
  ['an extension with a bare LF', `5;a\nhello\r\n0\r\n\r\n`],
  ['data that ends in a bare LF', '5\r\nhello\n0\r\n\r\n'],
  ['no size', '\r\nhello\r\n0\r\n\r\n'],
];

/** In order, but named so that another server could take it for what it isn't: it stays behind. */
const DROPPED: [string, string][] = [
  ['Content_Length: 99', 'content_length'],
  ['Transfer_Encoding: chunked', 'transfer_encoding'],
  ['Transfer.Encoding: chunked', 'transfer.encoding'],
  ['X_Auth_Role: Admin', 'x_auth_role'],
  ['Connection: X-Auth-Role, Content-Length, Host', 'connection: x-auth'],
  ['Keep-Alive: 1', 'keep-alive:'],
  ['Proxy-Connection: keep-alive', 'proxy-connection'],
];

describe('what two parsers could read differently', () => {
  it.each(REFUSED)('is refused before a byte reaches the upstream: %s', async (_name, sent) => {
    const { port, bytes } = await recorded();
    const client = new RawClient(port, Buffer.from(sent, 'latin1'));
    await until(() => expect(client.received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\r\n\r\n\{.*\}$/));
    client.socket.end();
    await client.toEnd();
    expect(client.received.match(/HTTP\/1\.1 /g)).toHaveLength(1); // what follows is nobody's request
    expect(bytes()).toBe('');
  });

  it.each(
    ANYWHERE.flatMap(([name, sent]) => ['/livez', '/nowhere', '/a//b'].map((path) => [name, path, sent] as const)),
  )('ends the connection: %s at %s', async (_name, path, sent) => {
    const { port } = await recorded();
    const received = await new RawClient(port, sent.replace('PATH', path) + SMUGGLED).toEnd();
    expect(received).toMatch(/^HTTP\/1\.1 400 [\s\S]*Connection: close\r\n[\s\S]*"code":"invalid_request"/);
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it.each(CUT)('ends the request at the upstream when it is in the chunks: %s', async (_name, body) => {
    const { port, bytes } = await recorded();
    const client = new RawClient(port, Buffer.from(`${HEAD}${CHUNKED}\r\n${body}${SMUGGLED}`, 'latin1'));
    await client.toEnd();
    expect(client.received.match(/HTTP\/1\.1 /g)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(bytes()).not.toMatch(/smuggled|0\r\n\r\n$/);
  });

  it.each(DROPPED)('does not reach the upstream when it is a header’s name: %s', async (header, name) => {
    const { port, bytes } = await recorded();
    const client = new RawClient(port, `${HEAD}${header}\r\nContent-Length: 5\r\n\r\nhello`);
    await until(() => expect(bytes()).toMatch(/\r\n\r\nhello$/));
    const head = bytes().toLowerCase();
    expect(head).not.toContain(`\r\n${name}`);
    expect(head.match(/\r\ncontent-length: 5\r\n/g)).toHaveLength(1);
    expect(head.match(/\r\nx-auth-role: editor\r\n/g)).toHaveLength(1);
    client.socket.destroy();
  });

  it('frames what was chunked anew: extensions and trailers stay behind', async () => {
    const { port, bytes } = await recorded();
    const client = new RawClient(port, `${HEAD}${CHUNKED}\r\n5;a="b"\r\nhello\r\n0\r\nX-Auth-Role: Admin\r\n\r\n`);
    await until(() => expect(bytes()).toMatch(/\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/));
    client.socket.destroy();
  });

  it('takes what follows a body for the next request, and decides on it as such', async () => {
    const { port, bytes } = await recorded();
    const client = new RawClient(port, `${HEAD}Content-Length: 5\r\n\r\nhello${SMUGGLED}`);
    await until(() => expect(client.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 401 /));
    expect(bytes()).not.toContain('smuggled');
    client.socket.destroy();
  });
});

describe('an upstream’s answer that two parsers could read differently', () => {
  it.each([
    ['lengths that differ', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    ['a signed length', 'Content-Length: +2\r\n\r\nok'],
    ['a bare CR in a header', 'X: a\rb\r\nContent-Length: 2\r\n\r\nok'],
    ['a NUL in a header', 'X: a\0b\r\nContent-Length: 2\r\n\r\nok'],
    ['both framings', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ])('is 502, or is framed anew: %s', async (_name, rest) => {
    const gateway = await started.scripted(`HTTP/1.1 200 OK\r\n${rest}`, true);
    const client = new RawClient(gateway.port, `${HEAD}Content-Length: 0\r\n\r\n`);
    await until(() => expect(client.received).toMatch(/^HTTP\/1\.1 (?:502|200) [\s\S]*\r\n\r\n/));
    const { received } = client;
    expect(received.match(/(?:^|\r\n)(?:content-length|transfer-encoding):/gi)).toHaveLength(1);
    expect(received).not.toMatch(/\0|\r(?!\n)/);
    client.socket.destroy();
  });

  it('is one answer: what follows it goes to nobody', async () => {
    const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray';
    const gateway = await started.scripted(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${stray}`, false);
    const client = new RawClient(gateway.port, `${HEAD}Content-Length: 0\r\n\r\n`.repeat(2));
    await until(() => expect(client.received.match(/\r\n\r\nok/g)).toHaveLength(2));
    expect(client.received).not.toContain('stray');
    client.socket.destroy();
  });
});
