import answers from './answers.json' with { type: 'json' };

/** How an operation was seen to answer with one status. */
export interface SeenAnswer {
  /** The headers that say something of this answer. */
  headers: string[];
  /** Bodies by media type and name: that of the request's example, or the code of the problem. */
  content: Record<string, Record<string, unknown>>;
}

/** By operation and status. */
export type SeenAnswers = Record<string, Record<string, SeenAnswer>>;

/** What `test/api-contract.spec.ts` has seen the real system answer; `npm run api:record` writes it anew. */
export const SEEN_ANSWERS: SeenAnswers = answers;
