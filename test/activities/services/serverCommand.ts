/** A service to be managed: listens after a delay; on TERM it ends after another with the given status, or not at all. */
export function serverCommand(port: number, { listenMs = 0, endMs = 0, status = 0, stubborn = false } = {}): string[] {
  const program = `const [port, listenMs, endMs, status, stubborn] = process.argv.slice(1).map(Number);
    setTimeout(() => require('node:net').createServer().listen(port), listenMs);
    process.on('SIGTERM', () => { if (!stubborn) setTimeout(() => process.exit(status), endMs); });
    setInterval(() => {}, 1000);`;
  return [process.execPath, '-e', program.replaceAll('\n', ' '), ...[port, listenMs, endMs, status, Number(stubborn)].map(String)];
}
