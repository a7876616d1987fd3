import { parser } from '@prometheus-io/lezer-promql';

export interface PromqlNames {
  metrics: string[];
  /** In matchers, in `by`, `on` and the like. */
  labels: string[];
}

/**
 * What a PromQL expression names.
 *
 * @throws where it is no PromQL
 */
export function promqlNames(expression: string): PromqlNames {
  const names: PromqlNames = { metrics: [], labels: [] };
  parser.parse(expression).iterate({
    enter: ({ type, from, to, node }) => {
      const text = expression.slice(from, to);
      if (type.isError) throw new Error(`no PromQL at character ${from}: ${expression}`);
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') names.metrics.push(text);
      if (type.name === 'LabelName') names.labels.push(text);
    },
  });
  return names;
}
