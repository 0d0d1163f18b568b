import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { createFileActivities } from '../../../activities/files/fileActivities.ts';
import type { TreeCopied, TreeCopy } from '../../../activities/files/files.contract.ts';
import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import { createJobActivities } from '../../../activities/jobs/jobActivities.ts';
import { activityRunner } from '../../support/runActivity.ts';
import { sshServerMissing, startSshServer, type SshServer } from '../hosts/sshServer.ts';

for (const way of ['on one host', 'to another host'] as const) {
  describe(`a directory copied ${way}`, { skip: way === 'to another host' && sshServerMissing() }, () => {
    let server: SshServer | undefined;
    let directory: string;
    let ref: HostRef;
    let count = 0;
    const begun: TreeCopy[] = [];
    const resolveSecret = async (name: string): Promise<string> => (await server?.resolveSecret(name))?.trimEnd() ?? '';
    const hosts = createHosts({ resolveSecret });
    const files = activityRunner(createFileActivities({ openHost: hosts.openHost, resolveSecret }));
    const jobs = activityRunner(createJobActivities({ openHost: hosts.openHost, resolveSecret }));
    const at = (...names: string[]): string => join(directory, ...names);

    before(async () => {
      if (way === 'to another host') server = await startSshServer();
    });
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), "nightshift it's $HOME "));
      ref = {
        ...{ name: 'here', address: '127.0.0.1', reach: { kind: 'local' }, stateDirectory: at('state') },
        serviceManager: { kind: 'supervisor', command: 'supervisorctl', configFile: '/none' },
      };
      mkdirSync(at('source', 'deep é', '-rf'), { recursive: true });
      writeFileSync(at('source', 'plain'), 'text');
      writeFileSync(at('source', 'deep é', '$(id) line\nend'), randomBytes(100_000));
      linkSync(at('source', 'plain'), at('source', 'again'));
      symlinkSync('plain', at('source', 'link'));
    });
    afterEach(async () => {
      for (const copy of begun.splice(0)) await jobs('discardJob', copy);
      rmSync(directory, { recursive: true, force: true });
    });
    after(async () => {
      await hosts.close();
      await server?.stop();
    });

    const copyOf = (changes: Partial<TreeCopy> = {}): TreeCopy => {
      const reach = server?.reach();
      const copy: TreeCopy = {
        ...{
          host: ref,
          job: `nightshift-test-tree-${(count += 1)}`,
          source: at('source'),
          target: at('target of $HOME'),
          compare: 'checksums',
        },
        ...(reach
          ? { over: { address: reach.address, port: reach.port, user: reach.user, privateKey: reach.privateKey, hostKeys: reach.hostKeys } }
          : {}),
        ...changes,
      };
      begun.push(copy);
      return copy;
    };
    const run = async (changes: Partial<TreeCopy> = {}): Promise<TreeCopied> => {
      const copy = copyOf(changes);
      await files('startTreeCopy', copy);
      const progress = await files('watchTreeCopy', { ...copy, watchSeconds: 300 });
      assert.equal(progress.state, 'done');
      return progress.copied;
    };
    const isSame = (target: string): unknown =>
      execFileSync('diff', ['-r', '--no-dereference', '--exclude=.nightshift-copy', at('source'), target]);

    test('is the same there, with its links and times, and is counted', async () => {
      utimesSync(at('source', 'plain'), 1_000_000, 1_000_000);
      const copied = await run();
      isSame(at('target of $HOME'));
      const plain = statSync(at('target of $HOME', 'plain'));
      assert.deepEqual([plain.mtimeMs, plain.nlink], [1_000_000_000, 2]);
      const { files: number, bytes, sentFiles, sentBytes, deleted } = copied;
      assert.deepEqual(
        { number, bytes, sentFiles, sentBytes, deleted },
        { number: 3, bytes: 100_008, sentFiles: 2, sentBytes: 100_004, deleted: 0 },
      );
    });

    test('becomes as the source is: what changed is sent, what is gone is deleted; what has not changed is linked to an earlier copy', async () => {
      await run();
      rmSync(at('source', 'link'));
      writeFileSync(at('source', 'new'), 'new one');
      const second = await run();
      isSame(at('target of $HOME'));
      assert.deepEqual([second.sentFiles, second.deleted], [1, 1]);
      const linked = await run({ target: at('next'), earlier: at('target of $HOME') });
      isSame(at('next'));
      assert.equal(linked.sentFiles, 0);
      assert.equal(statSync(at('next', 'new')).ino, statSync(at('target of $HOME', 'new')).ino);
      assert.equal((await run({ target: at('first of all'), earlier: at('absent') })).sentFiles, 3);
    });

    test('is not written over what is somebody else’s', async () => {
      mkdirSync(at('theirs'));
      writeFileSync(at('theirs', 'precious'), 'precious');
      await assert.rejects(run({ target: at('theirs') }), { type: 'InvalidInput', message: /is no copy of ours/ });
      assert.deepEqual(readdirSync(at('theirs')), ['precious']);
      writeFileSync(at('file'), 'a file');
      await assert.rejects(run({ target: at('file') }), { type: 'InvalidInput' });
      assert.equal(readFileSync(at('file'), 'utf8'), 'a file');
      mkdirSync(at('empty'));
      await run({ target: at('empty') });
      isSame(at('empty'));
    });

    test('differs when a byte was lost that size and time do not tell, and is told so', async () => {
      await run();
      const damaged = at('target of $HOME', 'plain');
      const { mtime } = statSync(damaged);
      writeFileSync(damaged, 'teXt');
      utimesSync(damaged, mtime, mtime);
      await assert.rejects(run(), { type: 'SourceRanDuringCopy', message: /not the same afterwards/ });
    });

    test('goes on without anybody, is found again, and leaves nothing of its key', async () => {
      const copy = copyOf();
      await Promise.all([files('startTreeCopy', copy), files('startTreeCopy', copy)]);
      const ended = await files('watchTreeCopy', { ...copy, watchSeconds: 300 });
      await files('startTreeCopy', copy);
      assert.deepEqual(await files('watchTreeCopy', { ...copy, watchSeconds: 0 }), ended);
      assert.equal(existsSync(at('state', 'jobs', copy.job, 'own', 'secrets')), false);
      await jobs('forgetJob', copy);
      await assert.rejects(files('watchTreeCopy', { ...copy, watchSeconds: 0 }), { type: 'CommandFailed', message: /is not known/ });
    });

    test('fails when its source is missing, and refuses places that lead astray', async () => {
      await assert.rejects(run({ source: at('absent') }), { type: 'CommandFailed', message: /is no directory/ });
      await assert.rejects(run({ target: '/' }), { type: 'InvalidInput' });
      await assert.rejects(run({ target: 'relative' }), { type: 'InvalidInput' });
      if (!server) await assert.rejects(run({ target: at('source', 'deep é') }), { type: 'InvalidInput' });
    });

    if (way === 'to another host')
      test('reaches only the machine whose key is pinned, with a key that it accepts', async () => {
        const { over } = copyOf();
        assert.ok(over);
        const other = `SHA256:${'A'.repeat(43)}`;
        await assert.rejects(run({ over: { ...over, hostKeys: [other] } }), { type: 'HostKeyChanged' });
        await assert.rejects(run({ over: { ...over, privateKey: 'other-key' } }), { type: 'CredentialsRejected' });
        await assert.rejects(run({ over: { ...over, privateKey: 'no-key' } }), { type: 'CredentialsRejected' });
        await assert.rejects(run({ over: { ...over, user: '-oProxyCommand=x' } }), { type: 'InvalidInput' });
        assert.equal(existsSync(at('target of $HOME')), false);
        await run({ over: { ...over, hostKeys: [other, ...over.hostKeys] } });
        isSame(at('target of $HOME'));
      });
  });
}
