import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { execa } from 'execa';

import { failure } from '../failure.ts';
import type { ResolveSecret } from '../hosts/host.ts';
import type { ServiceManager } from '../hosts/hosts.contract.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { childEnvironment } from '../tools/childEnvironment.ts';
import { endOf, redact, showControlCharacters } from '../tools/redact.ts';

export type ScalingoApp = Extract<ServiceManager, { kind: 'scalingo' }>;
export type ScalingoCli = (args: string[], timeoutSeconds: number) => Promise<string>;

/**
 * Runs the platform's CLI on the worker and answers its standard output. The token goes by environment; the CLI would write it into its folder, and prefer an
 * account that it finds there, so each call has a home of its own that is removed afterwards.
 * Fails with CommandNotFound, CredentialsRejected, UnknownUnit, ServiceManagerUnavailable, CommandFailed.
 */
export function openScalingoCli(
  { command, region, app, token }: ScalingoApp,
  resolveSecret: ResolveSecret,
  signal: AbortSignal,
): ScalingoCli {
  return async (args, timeoutSeconds) => {
    const secret = await resolveSecret(token);
    const home = await mkdtemp(join(tmpdir(), 'nightshift-scalingo-'));
    try {
      const ended = await execa(command, ['--region', region, '--app', app, ...args], {
        extendEnv: false,
        env: childEnvironment({ HOME: home, SCALINGO_API_TOKEN: secret, DISABLE_UPDATE_CHECKER: 'true' }),
        // It asks before it does certain things: nobody answers.
        stdin: 'ignore',
        reject: false,
        timeout: Math.ceil(Math.max(1, timeoutSeconds) * 1000),
        forceKillAfterDelay: 5_000,
        cancelSignal: signal,
      });
      if (signal.aborted) throw cancellationOf(signal);
      if (!ended.failed) return ended.stdout;
      if (ended.code === 'ENOENT') throw failure('CommandNotFound', `the worker has no ${command}: the CLI of Scalingo`);
      // Headings stand on the error output, what was the matter often on the standard one.
      const said = `${ended.stderr}\n${ended.stdout}`.replace(/^\s*(!\s*)?/gm, '').trim();
      const told = endOf(showControlCharacters(redact(said, [secret])), 600);
      const place = `scalingo ${args.join(' ')} for ${app} in ${region}`;
      if (ended.timedOut) throw failure('CommandFailed', `${place} did not end within ${timeoutSeconds} s: ${told}`, { app, region });
      throw failure(typeOf(said), `${place} ended with ${ended.exitCode ?? 'no exit code'}: ${told}`, { app, region });
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  };
}

/** By the words of version 1.48: the exit code is 1 whatever was the matter. */
function typeOf(said: string): 'CredentialsRejected' | 'UnknownUnit' | 'ServiceManagerUnavailable' | 'CommandFailed' {
  if (/dial tcp|connection refused|no such host|i\/o timeout|TLS handshake/i.test(said)) return 'ServiceManagerUnavailable';
  if (/Failed to read credentials|token invalid|sufficient privileges|unauthorized/i.test(said)) return 'CredentialsRejected';
  if (/application was not found|invalid region|container type not found/i.test(said)) return 'UnknownUnit';
  return 'CommandFailed';
}
