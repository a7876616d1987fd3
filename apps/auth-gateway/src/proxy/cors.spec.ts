import { describe, expect, it } from 'vitest';
import { corsHeaders, preflightHeaders } from './cors.js';

describe('CORS', () => {
  const policy = { origins: new Set(['https://app.example.com']) };

  it('allows the listed origins and varies by origin in any case', () => {
    expect(corsHeaders(policy, 'https://app.example.com')).toContain('Access-Control-Allow-Origin');
    for (const origin of [undefined, 'null', 'https://evil.example', 'https://app.example.com.evil.example']) {
      expect(corsHeaders(policy, origin)).toEqual(['Vary', 'Origin']);
    }
  });

  it('names the headers of a preflight one by one and refuses malformed ones', () => {
    const origin = 'https://app.example.com';
    expect(preflightHeaders(policy, origin, 'PUT', 'authorization,x-a')).toContain('authorization, x-a');
    expect(preflightHeaders(policy, origin, 'PUT', undefined)).not.toContain('Access-Control-Allow-Headers');
    expect(preflightHeaders(policy, origin, 'PU T', undefined)).toBeUndefined();
    expect(preflightHeaders(policy, origin, 'PUT', 'a\r\nb')).toBeUndefined();
    expect(preflightHeaders(policy, 'https://evil.example', 'PUT', undefined)).toBeUndefined();
  });
});
