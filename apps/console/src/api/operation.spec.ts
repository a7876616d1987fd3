import { afterEach, describe, expect, it, vi } from 'vitest';
import { operation } from './operation.ts';

const read = operation<{ url: '/api/things' }, { name: string }>('GET', '/api/things');

afterEach(() => vi.unstubAllGlobals());

function answerWith(body: BodyInit, init: ResponseInit = {}): void {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(body, init)));
}

describe('a call of the API', () => {
  it('gives what was answered', async () => {
    answerWith('{"name":"x"}');
    expect(await read({})).toEqual({ data: { name: 'x' }, receipt: undefined });
  });

  it('is an outage when something else answers in the API’s place, or the answer breaks off', async () => {
    answerWith('<html>Please accept the terms of this network</html>');
    await expect(read({})).rejects.toMatchObject({ status: 0, code: 'unreachable', isOutage: true });
    answerWith(new ReadableStream({ start: (controller) => controller.error(new TypeError('network error')) }));
    await expect(read({})).rejects.toMatchObject({ status: 0, isOutage: true });
  });

  it('is refused with what the problem details say', async () => {
    answerWith('{"code":"taken","detail":"It is taken","errors":[{"field":"name","message":"is taken"}]}', {
      status: 409,
    });
    const errors = [{ field: 'name', message: 'is taken' }];
    await expect(read({})).rejects.toMatchObject({ status: 409, code: 'taken', errors, isOutage: false });
  });

  it('that was given up is no outage', async () => {
    const controller = new AbortController();
    vi.stubGlobal('fetch', (_target: string, { signal }: RequestInit) => Promise.reject(signal!.reason as Error));
    controller.abort(new Error('another page'));
    await expect(read({ signal: controller.signal })).rejects.toThrow('another page');
  });
});
