import type { Problem } from '@portcullis/contracts';

/** What the OpenAPI document says of an operation beyond what its controller and DTOs do. */
export interface DescribedOperation {
  summary: string;
  description?: string;
  /** What stands in the path and the query of the examples, by name. */
  parameters?: Readonly<Record<string, string | number | boolean>>;
  /** Bodies to send, by name. */
  requests?: Readonly<Record<string, ExampleRequest>>;
  /** Errors that no client can cause at will. All others are in `answers.json`, for they were seen. */
  problems?: readonly Problem[];
}

export interface ExampleRequest {
  summary: string;
  value: object;
}

/** Of a controller: by the names of its methods. */
export type DescribedOperations = Readonly<Record<string, DescribedOperation>>;
