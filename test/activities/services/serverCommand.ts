/**
 * A service to be managed: listens after a delay; on TERM it ends after another with the given status, or not at all.
 * @param heldBy path of a file: as long as it is there the service does not end.
 */
export function serverCommand(
  port: number,
  { listenMs = 0, endMs = 0, status = 0, stubborn = false, heldBy = '/nightshift/none' } = {},
): string[] {
  const program = `const [heldBy, ...numbers] = process.argv.slice(1);
    const [port, listenMs, endMs, status, stubborn] = numbers.map(Number);
    const end = () => { if (!require('node:fs').existsSync(heldBy)) process.exit(status); else setTimeout(end, 20); };
    setTimeout(() => require('node:net').createServer().listen(port), listenMs);
    process.on('SIGTERM', () => { if (!stubborn) setTimeout(end, endMs); });
    setInterval(() => {}, 1000);`;
  return [process.execPath, '-e', program.replaceAll('\n', ' '), heldBy, ...[port, listenMs, endMs, status, Number(stubborn)].map(String)];
}
