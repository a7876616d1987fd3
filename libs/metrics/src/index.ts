export * from './duration-tally.js';
export * from './metric-set.js';
export * from './metrics-server.js';
