import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { precompressed } from './build/precompressed.ts';
import { themeStylesheet } from './build/theme-stylesheet.ts';

/** `npm run dev -w @portcullis/console` shows the sources, with the API of the gateway that `npm start` runs. */
const GATEWAY = 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react(), themeStylesheet(), precompressed()],
  build: {
    target: 'es2023',
    // Nothing is put into the page or the stylesheet as text that the policy would have to allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
  },
  server: { proxy: { '/api': GATEWAY } },
});
