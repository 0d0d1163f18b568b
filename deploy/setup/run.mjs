// Runs one of our TypeScript files on the Node that npm brings (Node 24 strips types by itself), after installing the
// npm packages when they are missing or older than the lock file. Plain JavaScript: the machine's own Node runs it.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const lock = join(root, 'package-lock.json');
const installedLock = join(root, 'node_modules', '.nightshift-lock.json');
const node = join(root, 'node_modules', '.bin', 'node');

if (!existsSync(installedLock) || readFileSync(lock, 'utf8') !== readFileSync(installedLock, 'utf8')) {
  const beganAt = Date.now();
  console.error('npm packages: installing from the lock file …');
  const install = spawnSync('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (install.status !== 0) {
    console.error('npm packages: `npm ci` failed; its message stands above.');
    process.exit(install.status ?? 1);
  }
  copyFileSync(lock, installedLock);
  console.error(`npm packages: installed in ${((Date.now() - beganAt) / 1000).toFixed(0)} s`);
}

const [script, ...rest] = process.argv.slice(2);
const child = spawn(existsSync(node) ? node : process.execPath, ['--disable-warning=ExperimentalWarning', join(root, script), ...rest], {
  cwd: root,
  stdio: 'inherit',
});
// The terminal sends Ctrl-C to the child too: wait for it to end what it started.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
