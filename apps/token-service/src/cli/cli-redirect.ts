import { type CliRequestDto, invalidField, parseLoopbackRedirect } from '@portcullis/contracts';

/** What goes back to the program (RFC 6749 section 4.1.2). */
export type CliAnswer = { code: string } | { token: string } | { error: 'access_denied' };

/** @throws Problem 400 for every address that isn't a program on the person's own machine (RFC 8252 section 7.3) */
export function loopbackRedirect({ redirect_uri }: Pick<CliRequestDto, 'redirect_uri'>): URL {
  const url = parseLoopbackRedirect(redirect_uri);
  if (url) return url;
  throw invalidField(
    'redirect_uri',
    'must be http:// on 127.0.0.1, [::1] or localhost, without a fragment and without code, token, state or error in its query',
  );
}

/** Where to send the browser. The state goes back as it came (RFC 6749 section 10.12). */
export function redirectWith(redirect: URL, answer: CliAnswer, state: string): string {
  const url = new URL(redirect);
  for (const [name, value] of Object.entries({ ...answer, state })) url.searchParams.append(name, value);
  return url.href;
}
