import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { checklist } from '../../../workflows/runbook/checklist.ts';
import type { RunProgress, StepRecord } from '../../../workflows/runbook/runbook.contract.ts';
import { bytesMax } from './details.ts';

const at = '2026-11-21T20:00:00.000Z';

function record(index: number, rest: Partial<StepRecord> = {}): StepRecord {
  return { id: `s/${index}`, title: `step ${index}`, phase: 'All', state: 'waiting', attempts: 0, ...rest };
}

function progressOf(steps: StepRecord[], rest: Partial<RunProgress> = {}): RunProgress {
  return {
    procedure: 'wordsSteps',
    target: 'prod',
    phase: 'All',
    state: 'working',
    attention: 'none',
    startedAt: at,
    steps,
    down: [],
    questions: [],
    pauses: [],
    held: [],
    decisions: [],
    warnings: [],
    downtimeSeconds: 0,
    ...rest,
  };
}

const thousand = (state: (index: number) => Partial<StepRecord>): StepRecord[] =>
  Array.from({ length: 1_000 }, (_, index) => record(index + 1, state(index + 1)));

describe('the checklist of a run', () => {
  test('of a thousand steps shows the running one, around it what was done last and what comes next', () => {
    const text = checklist(
      progressOf(
        thousand((index) => (index < 900 ? { state: 'done', seconds: 1 } : index === 900 ? { state: 'running', beganAt: at } : {})),
      ),
    );
    assert.match(text, /^\*\*wordsSteps · prod\*\* — working, All\n/);
    assert.match(text, /\n- \[ \] \*\*now\*\* step 900 — since 20:00:00Z\n/);
    assert.match(text, /\n- \[ \] All: 899 of 1000\n {2}- \[x\] step 895 — 1 s\n/);
    assert.match(text, / {2}- \[ \] step 919$/);
    assert.ok(!text.includes('step 894 '));
  });

  test('what needs a person stands first, whatever else there is', () => {
    const text = checklist(
      progressOf(
        thousand(() => ({ state: 'failed', note: 'N'.repeat(500) })),
        {
          pauses: [{ origin: 'guard', by: 'the guard', why: 'the load is too high', sinceAt: at, untilAt: at }],
          held: [{ step: 's/1', failure: 'F'.repeat(5_000), skippable: true, deadlineAt: at }],
          questions: [{ id: 'go', text: 'Go on?', choices: ['yes', 'no'], default: 'no', askedAt: at, deadlineAt: at }],
          down: [{ id: 'a', title: 'service a', sinceAt: at, commands: [] }],
          warnings: Array.from({ length: 100 }, (_, index) => `warning ${index}`),
        },
      ),
    );
    const places = [
      '**Paused** by the guard',
      '**Held** `s/1`',
      '**Question** `go`',
      '**Down because of this run: 1**',
      '**failed** step 1 ',
    ].map((each) => text.indexOf(each));
    assert.ok(!places.includes(-1), text);
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
  });

  test('it fits into what the server takes, whatever the letters', () => {
    const wide = '語'.repeat(400);
    const steps = thousand((index) => ({ title: wide, phase: `${wide} ${index}`, state: 'running', beganAt: at, note: wide }));
    const text = checklist(
      progressOf(steps, {
        warnings: Array.from({ length: 100 }, () => wide),
        questions: [{ id: 'go', text: wide, choices: ['yes'], default: 'yes', askedAt: at, deadlineAt: at }],
      }),
    );
    assert.ok(text.includes('**Question** `go`'));
    assert.ok(Buffer.byteLength(text) < bytesMax, `${Buffer.byteLength(text)} bytes`);
  });

  test('phases are a line each, with their time; of a run that has ended nothing is under way', () => {
    const steps = [
      record(1, { phase: 'Stop', state: 'done', beganAt: at, endedAt: '2026-11-21T20:00:30.000Z', seconds: 30 }),
      record(2, { phase: 'Stop', state: 'notNeeded', note: 'was down before' }),
      record(3, { phase: 'Copy', state: 'running', beganAt: at, bytes: { done: 5e6, total: 2e7, written: 0, bytesPerSecond: 1e6 } }),
    ];
    const working = checklist(
      progressOf(steps, { phase: 'Copy', estimate: { doneBytes: 5e6, totalBytes: 2e7, endsAt: '2026-11-21T20:00:15.000Z' } }),
    );
    assert.match(working, /\n5\.0 MB of 20 MB, about until 20:00Z\n/);
    assert.match(
      working,
      /\n- \[x\] Stop: 2 of 2, 30 s\n- \[ \] Copy: 0 of 1\n {2}- \[ \] \*\*now\*\* step 3 — since 20:00:00Z — 25 % of 20 MB, 1\.0 MB\/s$/,
    );
    const [before] = checklist(progressOf(steps, { phase: 'Stop', state: 'failed' })).split('- [x] Stop');
    assert.ok(!before?.includes('step 3'), before);
  });
});
