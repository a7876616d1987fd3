import type { CliDecisionDto, CliTokenRequestDto, SignInDto } from '@portcullis/contracts';
import type { DescribedOperations, ExampleRequest } from './described-operation.js';
import { BUSY, TOO_MANY_ATTEMPTS } from './rare-problems.js';

const signIn = (value: SignInDto): ExampleRequest => ({ summary: 'A person', value });

export const SESSIONS = {
  sessions_create: {
    summary: 'Signs in',
    description: 'Sets the session’s cookie. Whatever is wrong with name or password, the answer is the same.',
    requests: { person: signIn({ user_name: 'grace@example.com', password: 'correct horse battery staple' }) },
    problems: [TOO_MANY_ATTEMPTS, BUSY],
  },
  sessions_get: { summary: 'Who is signed in' },
  sessions_delete: {
    summary: 'Signs out',
    description: 'Also without a session, so that a cookie that is good for nothing goes away.',
  },
} satisfies DescribedOperations;

/** The verifier and its challenge are those of RFC 7636 appendix B. */
const REQUEST = {
  redirect_uri: 'http://127.0.0.1:53682/callback',
  state: 'af0ifjsldkj',
  hostname: 'build-7',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
} as const;
const decision = (summary: string, value: CliDecisionDto): ExampleRequest => ({ summary, value });
const redemption = (value: CliTokenRequestDto): ExampleRequest => ({ summary: 'The code of the redirect', value });

export const CLI = {
  cli_preview: {
    summary: 'What approving a program would do',
    description:
      'The program sends a person to the page `/cli/authorize` with this query. What would be refused is refused here too.',
    parameters: REQUEST,
  },
  cli_decide: {
    summary: 'Approves or declines a program',
    description:
      'The page sends the browser to `redirect_to`, which is on a loopback address (RFC 8252), and nowhere else.',
    requests: {
      approve: decision('The person approves', { ...REQUEST, decision: 'approve' }),
      deny: decision('The person declines', { ...REQUEST, decision: 'deny' }),
    },
  },
  cli_token: {
    summary: 'Redeems the code of an approval for a token',
    description: 'A code is good for a minute and for one try, and only together with its verifier (RFC 7636).',
    requests: {
      code: redemption({
        code: 'SplxlOBeZQQYbYS6WxSbIAlwF3cYxXWqXtvDRNuTEuo',
        code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
      }),
    },
  },
} satisfies DescribedOperations;
