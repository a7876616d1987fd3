import { type AddressInfo, createServer } from 'node:net';

/** Answers each request without a body, and looks no further than where it ends: it must cost less than what stands before it. */
const BODY = JSON.stringify({ datastores: [{ id: 1, name: 'warehouse' }] });
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
const END = '\r\n\r\n';

const server = createServer({ noDelay: true }, (socket) => {
  let unread = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    const parts = (unread + chunk).split(END);
    unread = parts.pop()!;
    if (parts.length > 0) socket.write(ANSWER.repeat(parts.length));
  });
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));
