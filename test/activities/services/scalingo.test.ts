import assert from 'node:assert/strict';
import { after, afterEach, beforeEach, describe, test } from 'node:test';

import { ApplicationFailure } from '@temporalio/common';

import { createHosts } from '../../../activities/hosts/openHost.ts';
import { createServiceActivities } from '../../../activities/services/serviceActivities.ts';
import { readContainerStates, readKind } from '../../../activities/services/scalingoTables.ts';
import { activityRunner } from '../../support/runActivity.ts';
import { createScalingoApp, scalingoToken, type ScalingoAppStandIn } from '../../support/scalingoApp.ts';

describe('containers on Scalingo as services', () => {
  let app: ScalingoAppStandIn;
  let token = scalingoToken;
  const hosts = createHosts({ resolveSecret: async () => '' });
  const run = activityRunner(createServiceActivities({ openHost: hosts.openHost, resolveSecret: async () => token }));
  const background = () => ({ host: app.host, unit: 'background', ports: [] });
  const stop = () => run('stopService', { ...background(), acceptedConditions: ['stopped'], limitSeconds: 300 });
  const failureOf = async (work: Promise<unknown>): Promise<ApplicationFailure> => {
    const error: unknown = await work.then(
      () => assert.fail('it succeeded'),
      (each: unknown) => each,
    );
    assert.ok(error instanceof ApplicationFailure, String(error));
    return error;
  };

  beforeEach(async () => {
    app = await createScalingoApp();
  });
  afterEach(() => app.remove());
  after(() => hosts.close());

  test('are stopped by scaling to nothing and started as many and as large as they were', async () => {
    const state = await run('readServiceState', background());
    assert.deepEqual([state.condition, state.instances], ['running', { amount: 2, size: 'M' }]);
    const stopped = await stop();
    assert.deepEqual([stopped.state.condition, stopped.alreadySo], ['stopped', false]);
    assert.deepEqual(
      (await app.read()).kinds.map(({ name, amount }) => [name, amount]),
      [
        ['web', 0],
        ['background', 0],
      ],
    );
    assert.equal((await stop()).alreadySo, true);
    await app.change((platform) => {
      platform.starting = 2;
      const kind = platform.kinds[1];
      if (kind) kind.size = 'S';
    });
    const started = await run('startService', {
      ...background(),
      limitSeconds: 300,
      instances: state.instances ?? { amount: 0, size: '' },
    });
    assert.deepEqual([started.state.condition, started.state.instances], ['running', { amount: 2, size: 'M' }]);
  });

  test('the token is in no argument, and each call has a home that is empty before and gone after', async () => {
    await stop();
    const { calls } = await app.read();
    assert.ok(calls.length > 3);
    assert.ok(!JSON.stringify(calls).includes(scalingoToken), 'the token is in an argument');
    assert.deepEqual(
      calls.filter(({ home }) => home.length > 0),
      [],
    );
    assert.deepEqual(calls[0]?.args, ['--region', 'osc-secnum-fr1', '--app', 'pix-datawarehouse', 'scale']);
    assert.ok(calls.some(({ args }) => args.slice(4).join(' ') === 'scale --synchronous background:0'));
  });

  test('what is wrong is told by its type, without the token', async () => {
    const unknown = await failureOf(run('readServiceState', { ...background(), unit: 'batch' }));
    assert.deepEqual([unknown.type, /batch of pix-datawarehouse/.test(unknown.message)], ['UnknownUnit', true]);
    await app.change((platform) => (platform.unreachable = 1));
    assert.equal((await failureOf(run('readServiceState', background()))).type, 'ServiceManagerUnavailable');
    token = 'another';
    const rejected = await failureOf(run('readServiceState', background()));
    token = scalingoToken;
    assert.equal(rejected.type, 'CredentialsRejected');
    const manager = { ...app.host.serviceManager, command: '/absent/scalingo' } as typeof app.host.serviceManager;
    const missing = await failureOf(run('readServiceState', { ...background(), host: { ...app.host, serviceManager: manager } }));
    assert.equal(missing.type, 'CommandNotFound');
  });

  test('containers that the platform scales itself are not touched', async () => {
    await app.change((platform) => platform.kinds.forEach((kind) => (kind.autoscaled = true)));
    const refused = await failureOf(stop());
    assert.equal(refused.type, 'ServiceNotStopped');
    assert.match(refused.message, /autoscaler/);
    assert.equal((await app.read()).kinds[1]?.amount, 2);
  });

  test('tables are read in the borders of old and new versions', () => {
    const old = [
      '+--------------+--------+------+',
      '|     NAME     | AMOUNT | SIZE |',
      '+--------------+--------+------+',
      '| background   |      3 | L    |',
    ];
    assert.deepEqual(readKind(old.join('\n'), 'background'), { amount: 3, size: 'L', autoscaled: false });
    assert.equal(readKind(old.join('\n'), 'web'), null);
    const ps = ['│ NAME │ STATUS │', '│ web-1 │ running │', '│ web-2 │ starting │', '│ web-eu-1 │ running │', '│ one-off-12 │ running │'];
    assert.deepEqual(readContainerStates(ps.join('\n'), 'web'), ['running', 'starting']);
  });
});
