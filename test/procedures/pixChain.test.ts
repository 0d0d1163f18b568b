import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { pixLabSecrets, wholeReplica } from '../../deploy/lab/pix/pixLab.ts';
import { learningContentCounts } from '../../deploy/lab/pix/standIns/learningContent.ts';
import type { ReplicationReport } from '../../workflows/pix/replication.contract.ts';
import { failureOfRun } from '../support/failures.ts';
import { openPixBench, type PixBench } from '../support/pixBench.ts';

describe('the chain of a night', { concurrency: 1 }, () => {
  let bench: PixBench;
  let [lcms, receivers]: [PixBench['lcms'], PixBench['receivers']] = [] as never;
  before(async () => {
    bench = await openPixBench({ rows: 1_000 });
    ({ lcms, receivers } = bench);
    const whole = wholeReplica(bench) as { learningContent: object };
    await bench.describeReplica('pix', {
      ...whole,
      learningContent: { ...whole.learningContent, limitSeconds: 60 },
      retries: { attemptsMax: 3, initialSeconds: 0.2 },
      policy: { questionSeconds: 1 },
    });
  });
  after(() => bench.end());

  const chain = (input: Record<string, unknown> = {}): Promise<ReplicationReport> =>
    bench.run('pixReplication', { replica: 'pix', ...input });
  const failureOf = (type: string, input: Record<string, unknown>) => failureOfRun(bench.run(type, { replica: 'pix', ...input }));
  const pathOf = ({ path }: { path: string }): string => path.split('?')[0] ?? '';

  test('runs full replication, learning content and webhooks in order; what is not configured is told', async () => {
    const report = await chain();
    assert.deepEqual(
      report.steps.map(({ id, state }) => `${id} ${state}`),
      ['full done', 'incremental notNeeded', 'learningContent done', 'notification done'],
    );
    assert.ok((report.full?.rows ?? 0) > 500);
    assert.deepEqual(report.learningContent?.rows, learningContentCounts(1));
    assert.deepEqual(
      receivers.requests.map((request) => [pathOf(request), request.headers.authorization ?? null]),
      [
        ['/one', null],
        ['/two', pixLabSecrets.token],
      ],
    );
    assert.equal(new Set(receivers.requests.map(({ headers }) => headers['idempotency-key'])).size, 2);
    assert.ok(!JSON.stringify(report).includes('canary'), 'a secret is in the report');
  });

  test('begins at any step and goes on to the end', async () => {
    const before_ = receivers.requests.length;
    const report = await chain({ startAt: 'learningContent' });
    assert.equal(report.full, undefined);
    assert.ok(report.learningContent);
    assert.equal(receivers.requests.length, before_ + 2);
  });

  test('stops at a step that failed for good; the former content stays in use; the next start goes on there', async () => {
    const before_ = receivers.requests.length;
    lcms.set({ kind: 'missingArray', table: 'tubes' });
    const cause = await failureOf('pixReplication', { startAt: 'learningContent' });
    assert.equal(cause.type, 'LearningContentInvalid');
    assert.match(cause.message, /tubes/);
    assert.equal(receivers.requests.length, before_, 'webhooks were called all the same');
    const [row] = await bench.query<{ n: string }>(bench.targetUrl, 'select count(*) as n from tubes');
    assert.equal(Number(row?.n), learningContentCounts(1).tubes);
    lcms.set({});
    await chain({ startAt: 'learningContent' });
  });

  test('a person who wants the data the same day has the step run again', async () => {
    await bench.describeReplica('patient', { ...wholeReplica(bench), retries: { attemptsMax: 1, initialSeconds: 0.2 } });
    lcms.set({ kind: 'serverError', times: 1 });
    const handle = await bench.start('pixReplication', { replica: 'patient', startAt: 'learningContent' });
    await bench.until(handle, 'the question is asked', ({ questions }) => questions.length === 1);
    await handle.executeUpdate('answer', {
      args: [{ question: 'same-day/learningContent', choice: 'sameDay', by: 'marie', why: 'board meeting' }],
    });
    const report = (await handle.result()) as ReplicationReport;
    assert.deepEqual(
      report.decisions.map(({ choice, by }) => [choice, by]),
      [['sameDay', 'marie']],
    );
  });

  test('a learning content that never answers is given up at its limit', async () => {
    lcms.set({ kind: 'never' });
    await bench.describeReplica('impatient', {
      learningContent: { url: lcms.url, apiKey: 'lcms-key', limitSeconds: 0.5 },
      retries: { attemptsMax: 2, initialSeconds: 0.1 },
    });
    const cause = await failureOf('pixLearningContent', { replica: 'impatient' });
    lcms.set({});
    assert.equal(cause.type, 'HttpUnreachable');
    assert.match(cause.message, /0.5 s/);
  });

  test('a receiver that fails is tried again with the same key and keeps no other from its call; the data stays', async () => {
    const before_ = receivers.requests.length;
    receivers.set({ '/one': { failTimes: 100, status: 500 } });
    const cause = await failureOf('pixReplication', { startAt: 'notification' });
    receivers.set({});
    assert.equal(cause.type, 'NotificationFailed');
    assert.match(cause.message, /one answered 500/);
    assert.ok(!cause.message.includes('canary'), cause.message);
    const seen = receivers.requests.slice(before_);
    assert.deepEqual(seen.map(pathOf), ['/one', '/one', '/one', '/two']);
    const ofOne = seen.filter((request) => pathOf(request) === '/one');
    assert.equal(new Set(ofOne.map(({ headers }) => headers['idempotency-key'])).size, 1);
  });

  test('bad input and a bad replica file: every fault at once, before anything starts', async () => {
    const input = await failureOf('pixReplication', { startAt: 'fulll', nonsense: 1 });
    assert.equal(input.type, 'InvalidInput');
    for (const field of ['startAt', 'nonsense']) assert.ok(input.message.includes(field), input.message);
    await bench.describeReplica('bad', { tables: { answers: 'sometimes' }, full: { atOnceMax: 0 }, sauce: 1 });
    const file = await failureOf('pixReplication', { replica: 'bad' });
    assert.equal(file.type, 'InvalidDefinition');
    for (const field of ['tables.answers', 'full.atOnceMax', 'sauce']) assert.ok(file.message.includes(field), file.message);
    await bench.describeReplica('unasked', { incremental: { tables: { users: {} } } });
    assert.match(
      (await failureOf('pixReplication', { replica: 'unasked' })).message,
      /incremental\.tables\.users \(line \d+\): is not incremental/,
    );
    assert.match(
      (await failureOf('pixReplication', { replica: 'absent' })).message,
      /"absent" is not described; described: bad, impatient/,
    );
  });
});
