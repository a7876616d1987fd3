import { expect, it } from 'vitest';
import { hostOf, type Services, summary } from './services.ts';

it('shows connections without user and password', () => {
  expect(hostOf('postgres://user:secret@db:5432/portcullis')).toBe('postgres://db:5432/portcullis');
  expect(hostOf('nats://u:secret@a:4222,nats://u:secret@b:4222')).toBe('nats://a:4222,nats://b:4222');
  expect(hostOf('nats://u:secret@a:4222, u:secret@b:4222')).toBe('nats://a:4222,nats://b:4222');
  expect(hostOf('postgres://user:a,sec/ret@db/portcullis')).toBe('…');
  expect(hostOf('postgres://user:a,secret@db/portcullis')).toBe('postgres://db/portcullis');
  expect(hostOf('postgres://db/portcullis?user=u&password=secret@')).toBe('postgres://db/portcullis');
  expect(hostOf('nats://u:1/secret@a:4222')).not.toContain('secret');
});

it('tells where everything is, in lines to paste, and no secret', () => {
  const service = { url: 'http://127.0.0.1:1', pid: 1 };
  const services: Services = {
    gateways: [{ url: 'http://127.0.0.1:8080', pid: 1, instance: 'gw-1' }],
    token_service: service,
    nats: { url: 'nats://u:secret@127.0.0.1:2', pid: null },
    postgres: { url: 'postgres://u:secret@127.0.0.1:3/db', pid: 3 },
    example_upstream: service,
    console_url: 'http://127.0.0.1:8080/',
  };
  const text = summary(services, '/a folder', 'routes.yaml');
  expect(text).not.toContain('secret');
  expect(text).toContain('The console is at http://127.0.0.1:8080/;');
  expect(text).toContain("cat '/a folder/admin-password'\n");
  expect(text).toContain(`$(cat '/a folder/admin-token')" http://127.0.0.1:8080/api/datastores`);
});
