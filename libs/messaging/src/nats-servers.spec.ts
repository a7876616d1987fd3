import { expect, it } from 'vitest';
import { natsServerOptions } from './nats-servers.js';

it('takes user and password out of the URL, and decodes them', () => {
  expect(natsServerOptions('nats://ada:p%40ss@n1:4222,nats://n2:4223')).toEqual({
    servers: ['n1:4222', 'n2:4223'],
    user: 'ada',
    pass: 'p@ss',
    inboxPrefix: '_INBOX.ada',
  });
});

it('keeps to the usual inbox where a user name is no word of a subject', () => {
  expect(natsServerOptions('nats://a%2Eb:secret@n1:4222')).not.toHaveProperty('inboxPrefix');
});

it('talks to no server without TLS once an authority is named', () => {
  const options = natsServerOptions('nats://n1:4222', { caFile: '/ca.crt' });
  expect(options).toEqual({ servers: ['n1:4222'], tls: { caFile: '/ca.crt' } });
});

it('takes a token, a bare host, and TLS', () => {
  expect(natsServerOptions(['nats://s3cret@n1:4222'])).toEqual({ servers: ['n1:4222'], token: 's3cret' });
  expect(natsServerOptions('localhost:4222')).toEqual({ servers: ['localhost:4222'] });
  expect(natsServerOptions('tls://[::1]:4222')).toEqual({ servers: ['[::1]:4222'], tls: {} });
});

it.each(['', 'http://n1:4222', 'nats://ada:s3cret@:4222', 'nats://ada:s3cret@n1:99999'])(
  'refuses %j without repeating a password',
  (servers) => {
    expect(() => natsServerOptions(servers)).toThrow(TypeError);
    expect(() => natsServerOptions(servers)).not.toThrow('s3cret');
  },
);
