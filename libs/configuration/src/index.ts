export { ConfigurationError } from './configuration-error.js';
export { Environment, type Variables } from './environment.js';
