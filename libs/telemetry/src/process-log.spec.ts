import { Logger } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { NestLog } from './nest-log.js';
import { type LogLevel, openProcessLog, type ProcessLog } from './process-log.js';
import { withRequestId } from './request-scope.js';

const JWT = 'eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0.eyJpc3MiOiJwb3J0Y3VsbGlzIn0.c2lnbmF0dXJlLXRoYXQtb3BlbnM';
const SECRET = 'hunter2-is-a-secret';

/** A log whose lines are kept. */
async function keptLog(
  level: LogLevel = 'trace',
): Promise<{ log: ProcessLog; text: () => string; last: () => Record<string, unknown> }> {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = await openProcessLog({ level, fields: { app: 'test' }, destination });
  return { log, text: () => lines.join(''), last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> };
}

describe('the log of a process', () => {
  it('is a line of JSON for each entry, with the request that it belongs to', async () => {
    const { log, text, last } = await keptLog();
    log.info({ seq: 4 }, 'two\nlines');
    expect(text().trimEnd()).not.toContain('\n');
    expect(last()).toMatchObject({ level: 30, app: 'test', seq: 4, msg: 'two\nlines' });
    expect(last()).not.toHaveProperty('request_id');
    await withRequestId('r-1', async () => {
      await Promise.resolve();
      log.warn('later');
    });
    expect(last()).toMatchObject({ level: 40, request_id: 'r-1', msg: 'later' });
  });

  it.each([
    'authorization',
    'Authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'Set-Cookie',
    'token',
    'bearer_token',
    'access_token',
    'password',
    'current_password',
    'new_password',
    'adminPassword',
    'secret',
    'client_secret',
    'internalSecret',
    'code',
    'code_verifier',
    'codeVerifier',
    'master_key',
    'masterKey',
    'lease_key',
    'private_key',
    'api_key',
    'X-Api-Key',
    'databaseUrl',
    'natsUrl',
    'signature',
    'Portcullis-Forwarded-By',
  ])('never shows the value of %s, however deep it is', async (name) => {
    const { log, text, last } = await keptLog();
    log.info({ [name]: SECRET }, 'top');
    expect(last()[name]).toBe('[redacted]');
    log.info({ request: { headers: [{ [name]: SECRET }], map: new Map([[name, SECRET]]) } }, 'deep');
    log.info({ err: Object.assign(new Error('failed'), { config: { [name]: [SECRET] } }) }, 'on an error');
    expect(text()).not.toContain(SECRET);
  });

  it.each([
    ['a token', JWT],
    ['an Authorization header', `Authorization: Bearer ${SECRET}`],
    ['a session’s cookie', `__Host-portcullis_session=${SECRET}; theme=dark`],
    ['the credentials of a URL', `can't reach postgres://portcullis:${SECRET}@db:5432/x`],
    ['a query', `GET /cli/token?code=${SECRET}&state=1`],
  ])('never shows %s within a text', async (_, text) => {
    const { log, text: written } = await keptLog();
    const error = new Error(text, { cause: new Error(text) });
    log.info(text);
    log.error(error);
    log.error({ err: error, detail: text, list: [text] }, 'fields');
    const nest = new NestLog(log);
    nest.error(error.stack, 'Context');
    nest.warn({ message: text, url: text }, 'Context');
    expect(written()).toContain('[redacted]');
    expect(written()).not.toContain(SECRET);
    expect(written()).not.toContain(JWT.split('.')[2]);
  });

  it('leaves what is no secret: numbers of tokens, codes of errors, addresses', async () => {
    const { log, last } = await keptLog();
    const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });
    log.info({ token_id: 456, request_id: 'r-1', url: 'http://127.0.0.1:4000/x?page=2', err: error }, 'all fine');
    expect(last()).toMatchObject({
      token_id: 456,
      url: 'http://127.0.0.1:4000/x?page=2',
      err: { code: 'ECONNREFUSED', message: error.message },
    });
  });

  it('survives what refers to itself', async () => {
    const { log, last } = await keptLog();
    const loop: Record<string, unknown> = { password: SECRET };
    loop['self'] = loop;
    log.info({ loop }, 'round');
    expect(JSON.stringify(last())).not.toContain(SECRET);
  });
});

describe('Nest’s logger', () => {
  it('writes to it, with its name as context and at its level', async () => {
    const { log, last, text } = await keptLog('info');
    Logger.overrideLogger(new NestLog(log));
    const logger = new Logger('Relay');
    logger.log('led');
    expect(last()).toMatchObject({ level: 30, context: 'Relay', msg: 'led' });
    logger.error(new Error('broken'));
    expect(last()).toMatchObject({
      level: 50,
      context: 'Relay',
      msg: 'broken',
      err: { type: 'Error', stack: expect.any(String) },
    });
    logger.error({ message: 'failed', request_id: 'r-2' });
    expect(last()).toMatchObject({ msg: 'failed', request_id: 'r-2', context: 'Relay' });
    logger.debug('not at this level');
    expect(text()).not.toContain('not at this level');
    Logger.overrideLogger(false);
  });
});
