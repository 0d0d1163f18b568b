import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * A free port of 127.0.0.1 for a server that is started next. Its last connection is left in TIME_WAIT by the listening side: for a minute the
 * system gives the port to nobody who asks for any port, while a server that asks for this very one gets it.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect(port, '127.0.0.1');
  try {
    const [far] = await accepted;
    far.end();
    near.resume();
    await Promise.all([once(near, 'close'), once(far.resume(), 'close')]);
  } finally {
    near.destroy();
    server.close();
  }
  await once(server, 'close');
  return port;
}
