/** Everything that is wrong with the settings, each in a line that never holds a value: it may be a secret. */
export class ConfigurationError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(['The configuration is wrong:', ...faults.map((fault) => `  - ${fault}`)].join('\n'));
    this.name = 'ConfigurationError';
  }
}
