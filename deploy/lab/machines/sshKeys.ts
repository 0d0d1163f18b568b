import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import ssh2 from 'ssh2';

/** A lab key pair on disk: `file` holds the private key (OpenSSH format, mode 0600), `file`.pub the public one. */
export interface KeyPair {
  file: string;
  publicKey: string;
  /** OpenSSH fingerprint, "SHA256:…". */
  fingerprint: string;
}

/** The ed25519 key pair at `file`, made when absent. */
export function ensureKeyPair(file: string, comment: string): KeyPair {
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true });
    const made = generateReadableKeyPair(comment);
    writeFileSync(`${file}.pub`, `${made.public}\n`);
    writeFileSync(file, made.private, { mode: 0o600 });
  }
  const publicKey = readFileSync(`${file}.pub`, 'utf8').trim();
  return { file, publicKey, fingerprint: fingerprintOf(publicKey) };
}

/**
 * A fresh ed25519 pair. ssh2 1.17.0 strips the leading zero bytes of a public key, so that one pair in 256 cannot be
 * read again (mscdex/ssh2#1390): such a pair is thrown away.
 */
export function generateReadableKeyPair(comment: string): { public: string; private: string } {
  for (;;) {
    const made = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    if (![made.public, made.private].some((key) => ssh2.utils.parseKey(key) instanceof Error)) return made;
  }
}

function fingerprintOf(publicKey: string): string {
  const parsed = ssh2.utils.parseKey(publicKey);
  if (parsed instanceof Error) throw parsed;
  return `SHA256:${createHash('sha256').update(parsed.getPublicSSH()).digest('base64').replace(/=+$/, '')}`;
}
