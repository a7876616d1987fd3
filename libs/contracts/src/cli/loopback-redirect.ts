/** Whether a host, as `URL.hostname` gives it, is this machine under one of the names that RFC 8252 section 7.3 and 8.3 know. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === '127.0.0.1' || hostname === '[::1]' || hostname === 'localhost';
}

/** Written out, so that nothing depends on how a parser mends what is odd: other spellings of 127.0.0.1, credentials, fragments. */
const LOOPBACK_REDIRECT =
  /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?::[1-9][0-9]{0,4})?(?:\/[A-Za-z0-9._~!$&'()*+,;=:@/%-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?$/;

/** Parameters that the answer sets: a redirect URI that brings its own would leave the program with two of them. */
const ANSWER_PARAMETERS = ['code', 'token', 'state', 'error'] as const;

/**
 * Reads the redirect URI of a program on the person's own machine (RFC 8252 section 7.3): http, on a loopback address, at any port.
 * It may have a path and a query; never a fragment (RFC 6749 section 3.1.2) or a user name.
 *
 * @returns the URL, or undefined for everything else
 */
export function parseLoopbackRedirect(text: string): URL | undefined {
  if (!LOOPBACK_REDIRECT.test(text)) return undefined;
  const url = URL.parse(text);
  if (!url || url.protocol !== 'http:' || !isLoopbackHost(url.hostname)) return undefined;
  return ANSWER_PARAMETERS.some((name) => url.searchParams.has(name)) ? undefined : url;
}
