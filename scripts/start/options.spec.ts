import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readOptions, UsageError } from './options.mjs';

describe('the options of npm start', () => {
  it('have defaults', () => {
    expect(readOptions([], {})).toEqual({
      help: false,
      port: 8080,
      gateways: 1,
      dataDir: join(process.cwd(), '.portcullis'),
      databaseUrl: undefined,
      natsUrl: undefined,
      routesFile: undefined,
    });
  });

  it('win over the environment', () => {
    const env = { PORTCULLIS_PORT: '1', PORTCULLIS_GATEWAYS: '2', PORTCULLIS_DATA_DIR: '/from/env' };
    expect(readOptions([], env)).toMatchObject({ port: 1, gateways: 2, dataDir: '/from/env' });
    const args = ['--port', '9000', '--gateways=3', '--data-dir', '/given'];
    expect(readOptions(args, env)).toMatchObject({ port: 9000, gateways: 3, dataDir: '/given' });
  });

  it.each([
    [['--bogus'], {}],
    [['extra'], {}],
    [['--port'], {}],
    [['--port', '0'], {}],
    [['--port', '70000'], {}],
    [['--port', '8080x'], {}],
    [['--port', '65535', '--gateways', '2'], {}],
    [[], { PORTCULLIS_GATEWAYS: '-1' }],
    [[], { DATABASE_URL: 'mysql://root:hidden@localhost/db' }],
  ])('refuse %j with %j, and show no password', (args, env) => {
    expect(() => readOptions(args, env)).toThrow(UsageError);
    expect(() => readOptions(args, env)).not.toThrow('hidden');
  });
});
