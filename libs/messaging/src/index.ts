export * from './nats-client.js';
export * from './nats-servers.js';
export * from './messaging.module.js';
export * from './streams.js';
export * from './lease-mac.js';
