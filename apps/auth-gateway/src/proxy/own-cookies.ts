/** Names of Portcullis's own cookies. Prefixes are compared without regard to case, as browsers do with `__Host-`. */
const OWN_COOKIE = /^(?:__host-|__secure-)?portcullis_/i;
const MAY_BE_OWN = /portcullis_/i;

/**
 * Takes Portcullis's own cookies out of a `Cookie` header, so that an upstream can't act as the signed-in person.
 *
 * @returns the header as it was when there are none, undefined when nothing is left
 */
export function withoutOwnCookies(header: string): string | undefined {
  if (!MAY_BE_OWN.test(header)) return header;
  const others = header.split(';').filter((cookie) => !OWN_COOKIE.test(nameOf(cookie)));
  return others.length > 0 ? others.join(';').trim() : undefined;
}

const SESSION = /(?:^|;)\s*(?:__Host-)?portcullis_session=/;

/** Whether a `Cookie` header carries a session. Whether it holds is for the token-service to say. */
export function carriesSession(header: string | undefined): boolean {
  return header !== undefined && SESSION.test(header);
}

/** Whether a `Set-Cookie` header would set one of Portcullis's own cookies. */
export function setsOwnCookie(header: string): boolean {
  return MAY_BE_OWN.test(header) && OWN_COOKIE.test(nameOf(header));
}

/** A cookie without a name comes back as its value alone, so `=portcullis_session=x` counts as `portcullis_session` too. */
function nameOf(cookie: string): string {
  return cookie.replace(/^[\s=]+/, '');
}
