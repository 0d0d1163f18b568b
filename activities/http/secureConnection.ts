import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, createSecureContext, type SecureContext } from 'node:tls';

import { failure } from '../failure.ts';
import type { ResolveSecret } from '../hosts/host.ts';
import type { HttpRequest } from './http.contract.ts';

/** Reads the secrets that an https request names. Without an authority, those that Node knows are trusted. */
export async function readSecureContext(tls: NonNullable<HttpRequest['tls']>, resolveSecret: ResolveSecret): Promise<SecureContext> {
  const read = async (name: string | undefined): Promise<string | undefined> => (name === undefined ? undefined : resolveSecret(name));
  const [cert, key, ca] = [await read(tls.certificate), await read(tls.key), await read(tls.authority)];
  try {
    return createSecureContext({ cert, key, ca });
  } catch (error) {
    const names = [tls.certificate, tls.key, tls.authority].filter((name) => name !== undefined).map((name) => `"${name}"`);
    const { code = 'not readable' } = error as NodeJS.ErrnoException;
    // The error itself is not passed on: nothing of a key may reach a message.
    throw failure('CredentialsRejected', `certificate, key and authority in secrets ${names.join(', ')} cannot be used: ${code}`);
  }
}

/** TLS inside a connection; the server must prove to be `serverName`. Gives up when the signal aborts. */
export async function secure(connection: Duplex, secureContext: SecureContext, serverName: string, closing: AbortSignal): Promise<Duplex> {
  const secured = Promise.withResolvers<Duplex>();
  const socket = connect({
    socket: connection,
    secureContext,
    host: serverName,
    // An address is verified as `host`, but is no name to send.
    ...(isIP(serverName) ? {} : { servername: serverName }),
  });
  const giveUp = (): void => {
    socket.destroy();
    connection.destroy();
  };
  closing.addEventListener('abort', giveUp);
  if (closing.aborted) giveUp();
  socket.once('secureConnect', () => secured.resolve(socket));
  socket.on('error', secured.reject);
  connection.on('error', secured.reject);
  socket.once('close', () => {
    closing.removeEventListener('abort', giveUp);
    connection.destroy();
    secured.reject(new Error('the connection closed during the TLS handshake'));
  });
  return secured.promise;
}
