import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { readSupervisorStatus } from '../../../activities/services/supervisorStatus.ts';
import { readSystemdProperties } from '../../../activities/services/systemdProperties.ts';

/** As systemd 252 prints: in its own order, with empty values. */
const shown = (changes: Record<string, string>): string =>
  Object.entries({
    MainPID: '0',
    Result: 'success',
    ExecMainStartTimestamp: '',
    ExecMainCode: '0',
    ExecMainStatus: '0',
    LoadState: 'loaded',
    ActiveState: 'inactive',
    SubState: 'dead',
    StateChangeTimestamp: '',
    ...changes,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');

describe('what systemctl show prints', () => {
  test('of a running service', () => {
    const text = shown({
      MainPID: '4711',
      ActiveState: 'active',
      SubState: 'running',
      ExecMainStartTimestamp: 'Fri 2026-11-20 22:15:03 UTC',
      StateChangeTimestamp: 'Fri 2026-11-20 22:15:04 UTC',
    });
    assert.deepEqual(readSystemdProperties(text), {
      condition: 'running',
      said: 'active (running)',
      processId: 4711,
      sinceAt: '2026-11-20T22:15:04.000Z',
      lastStartAt: '2026-11-20T22:15:03.000Z',
    });
  });

  test('of a JVM that was stopped, by its own exit status', () => {
    const text = shown({ ActiveState: 'failed', SubState: 'failed', Result: 'exit-code', ExecMainCode: '1', ExecMainStatus: '143' });
    assert.deepEqual(readSystemdProperties(text), { condition: 'failed', said: 'failed (failed, exit-code)', exitStatus: 143 });
  });

  test('of a service that was killed after its time-out: the signal as 128 + n', () => {
    const text = shown({ ActiveState: 'failed', SubState: 'failed', Result: 'timeout', ExecMainCode: '2', ExecMainStatus: '9' });
    assert.deepEqual(readSystemdProperties(text), { condition: 'failed', said: 'failed (failed, timeout)', exitStatus: 137 });
  });

  test('of units on their way, and of a timer', () => {
    const conditionOf = (ActiveState: string, SubState: string): string => {
      const reading = readSystemdProperties(shown({ ActiveState, SubState }));
      return reading === 'unknown' ? reading : reading.condition;
    };
    assert.equal(conditionOf('activating', 'auto-restart'), 'starting');
    assert.equal(conditionOf('activating', 'start'), 'starting');
    assert.equal(conditionOf('deactivating', 'stop-sigterm'), 'stopping');
    assert.equal(conditionOf('reloading', 'reload'), 'running');
    assert.equal(conditionOf('active', 'waiting'), 'running');
    assert.equal(conditionOf('inactive', 'dead'), 'stopped');
  });

  test('of an unknown unit, of one whose file went while it ran, of a masked one', () => {
    assert.equal(readSystemdProperties(shown({ LoadState: 'not-found' })), 'unknown');
    assert.equal(readSystemdProperties(''), 'unknown');
    const gone = readSystemdProperties(shown({ LoadState: 'not-found', ActiveState: 'active', SubState: 'running' }));
    assert.ok(gone !== 'unknown' && gone.condition === 'running');
    const masked = readSystemdProperties(shown({ LoadState: 'masked' }));
    assert.ok(masked !== 'unknown' && masked.said === 'inactive (dead, masked)');
  });
});

describe('what supervisorctl status prints', () => {
  const read = (line: string): ReturnType<typeof readSupervisorStatus> => readSupervisorStatus(`${line}\nnow=1795212000\n`);

  test('of every state', () => {
    const conditions = ['RUNNING', 'STARTING', 'BACKOFF', 'STOPPING', 'STOPPED', 'EXITED', 'FATAL', 'UNKNOWN'].map(
      (word) => read(`vitam-worker   ${word}   x`)?.state.condition,
    );
    assert.deepEqual(conditions, ['running', 'starting', 'starting', 'stopping', 'stopped', 'failed', 'failed', 'failed']);
  });

  test('of a running program: process and time of its start', () => {
    const since = (uptime: string): string | undefined => read(`group:name   RUNNING   pid 4711, uptime ${uptime}`)?.state.sinceAt;
    assert.equal(read('a RUNNING pid 4711, uptime 0:00:05')?.state.processId, 4711);
    assert.equal(Date.parse(since('0:01:05') ?? ''), (1795212000 - 65) * 1000);
    assert.equal(Date.parse(since('1 day, 2:00:00') ?? ''), (1795212000 - 26 * 3600) * 1000);
    assert.equal(Date.parse(since('12 days, 12:00:00') ?? ''), (1795212000 - 300 * 3600) * 1000);
  });

  test('of a program stopped since its daemon began; and nothing of other text', () => {
    assert.deepEqual(read('a                        STOPPED   Not started'), {
      state: { condition: 'stopped', said: 'STOPPED Not started' },
      ended: false,
    });
    assert.equal(read('error: <class ConnectionRefusedError>'), undefined);
  });
});
