import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { stepsOf } from '../../workflows/runbook/plan.ts';
import { planColdBackup } from '../../workflows/vitam/plan.ts';
import { smallPlatform } from '../support/coldBackupRun.ts';

describe('the plan of a cold backup', () => {
  test('every step has an id of its own', async () => {
    const ids = stepsOf(planColdBackup(await smallPlatform())).map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });

  test('stops and starts follow the order lists, every host of a component', async () => {
    const platform = await smallPlatform();
    const plan = planColdBackup(platform);
    const names = (steps: { component: { name: string } }[]): string[] => [...new Set(steps.map(({ component }) => component.name))];
    assert.deepEqual(names(plan.fronts), platform.order.fronts);
    assert.deepEqual(names(plan.workers), platform.order.workers);
    assert.deepEqual(names(plan.backEnds), platform.order.backEnds);
    assert.deepEqual(
      plan.wayBack.start.map(({ component }) => component),
      platform.order.start,
    );
    assert.deepEqual(
      plan.workers.filter(({ component }) => component.name === 'worker').map(({ host }) => host),
      ['process-1', 'process-2'],
    );
  });

  test('the fifteen steps of the sharded backup stand in their order', async () => {
    const numbers = stepsOf(planColdBackup(await smallPlatform()))
      .flatMap(({ title }) => /^(\d+)(?:-\d+)?\/15 /.exec(title)?.[1] ?? [])
      .map(Number);
    assert.deepEqual(
      [...new Set(numbers)].filter((number) => number !== 10),
      [1, 2, 3, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15],
    );
    assert.ok(numbers.includes(10));
  });

  test('the copies carry the names that VITAM gives them', async () => {
    assert.deepEqual(
      planColdBackup(await smallPlatform()).copy.map(({ part }) => part),
      ['data/shard0', 'data/shard1', 'data/configsrv'],
    );
  });

  test('everything that is taken down has its way back in the plan', async () => {
    const plan = planColdBackup(await smallPlatform());
    const started = plan.wayBack.start.flatMap(({ steps }) => steps).map(({ id }) => id.replace('start/', ''));
    for (const { id } of [...plan.fronts, ...plan.workers, ...plan.backEnds, ...plan.search])
      assert.ok(started.includes(id.replace('stop/', '')), id);
  });

  test('secrets are not in it, their names are not needed', async () => {
    const text = JSON.stringify(stepsOf(planColdBackup(await smallPlatform())));
    assert.ok(!/password/i.test(text));
  });
});
