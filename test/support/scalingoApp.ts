import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { ScalingoState } from '../../deploy/lab/pix/standIns/scalingoCliStandIn.ts';

export const scalingoToken = 'canary-scalingo-61d2';

/** An application on the platform, behind the stand-in of its CLI: an executable of its own with its state beside it. */
export interface ScalingoAppStandIn {
  host: HostRef;
  command: string;
  read: () => Promise<ScalingoState>;
  change: (change: (state: ScalingoState) => void) => Promise<void>;
  remove: () => Promise<void>;
}

export async function createScalingoApp(): Promise<ScalingoAppStandIn> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-scalingo-'));
  const command = join(directory, 'scalingo');
  const standIn = join(import.meta.dirname, '..', '..', 'deploy', 'lab', 'pix', 'standIns', 'scalingoCliStandIn.ts');
  const script = `import { answer } from ${JSON.stringify(standIn)};\nanswer(process.argv.slice(2), ${JSON.stringify(`${command}.json`)});\n`;
  await writeFile(`${command}.mjs`, script);
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' --disable-warning=ExperimentalWarning '${command}.mjs' "$@"\n`);
  await chmod(command, 0o755);
  const file = `${command}.json`;
  const read = async (): Promise<ScalingoState> => JSON.parse(await readFile(file, 'utf8')) as ScalingoState;
  const initial: ScalingoState = {
    ...{ region: 'osc-secnum-fr1', app: 'pix-datawarehouse', token: scalingoToken, starting: 0, unreachable: 0, calls: [] },
    kinds: [
      { name: 'web', amount: 0, size: 'S', command: '' },
      { name: 'background', amount: 2, size: 'M', command: 'npm start' },
    ],
  };
  await writeFile(file, JSON.stringify(initial));
  return {
    ...{ command, read },
    host: {
      ...{ name: 'pix-datawarehouse', address: '127.0.0.1', reach: { kind: 'local' }, stateDirectory: '/' },
      serviceManager: { kind: 'scalingo', command, region: initial.region, app: initial.app, token: 'scalingo-token' },
    },
    async change(change) {
      const state = await read();
      change(state);
      await writeFile(file, JSON.stringify(state));
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
