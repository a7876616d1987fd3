export * from './certificate-files.js';
