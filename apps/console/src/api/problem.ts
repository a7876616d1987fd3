/** One field of a request that was refused, and why. */
export interface FieldError {
  field: string;
  message: string;
}

/** An answer that is none of the expected: RFC 9457 problem details, or no answer at all (`status` 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors: readonly FieldError[] = [],
    readonly retryAfterSeconds: number | undefined = undefined,
  ) {
    super(message);
  }

  /** Whether there is no session (any more): signing in helps. */
  get isSignedOut(): boolean {
    return this.status === 401;
  }

  /** Whether asking again later may help, because nothing is wrong with the question. */
  get isOutage(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

/** Reads the problem details of an answer; whatever else came is told by its status alone. */
export async function problemOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => undefined)) as
    { code?: string; detail?: string; errors?: FieldError[] } | undefined;
  const retryAfter = Number(response.headers.get('Retry-After')) || undefined;
  return new ApiError(
    response.status,
    body?.code ?? 'unknown',
    body?.detail ?? `The server answered ${response.status}.`,
    body?.errors,
    retryAfter,
  );
}

/** @returns the text to show for anything that was thrown */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'Something went wrong.';
}
