import { type DebianProgram, ensureProgram, type FindProgramOptions } from './debian-program.ts';

const CHROMIUM: DebianProgram = {
  name: 'chromium',
  variable: 'CHROMIUM_BIN',
  versionArgument: '--version',
  version: /chrom/i,
  otherNames: ['chromium-browser', 'google-chrome', 'google-chrome-stable'],
  otherPaths: [
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ],
  otherPackages: ['fonts-dejavu-core'],
  howToGetIt:
    'Chromium was not found, and the console is tested in it. Get it (Debian: "sudo apt-get install chromium"; macOS: ' +
    '"brew install --cask chromium") and put it on the PATH, or name it in CHROMIUM_BIN.',
};

/** Finds a Chromium, or installs it: see {@link ensureProgram}. */
export function ensureChromium(options: FindProgramOptions = {}): Promise<string> {
  return ensureProgram(CHROMIUM, options);
}
