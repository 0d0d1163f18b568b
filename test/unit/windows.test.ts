import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createClockActivities } from '../../activities/clock/clockActivities.ts';

const clock = createClockActivities();
const findWindow = clock.findWindow.bind(clock);
const findLocalTime = clock.findLocalTime.bind(clock);
const night = { begin: '20:00', end: '08:00', zone: 'Europe/Paris' };

describe('the night window', () => {
  test('in the evening it is the window that has begun', async () => {
    const found = await findWindow({ ...night, at: '2026-11-21T21:30:00Z' });
    assert.deepEqual(found, { beginAt: '2026-11-21T19:00:00.000Z', endAt: '2026-11-22T07:00:00.000Z', inside: true, lengthHours: 12 });
  });
  test('after midnight it is the window of the day before', async () => {
    const found = await findWindow({ ...night, at: '2026-11-22T03:00:00Z' });
    assert.equal(found.beginAt, '2026-11-21T19:00:00.000Z');
    assert.equal(found.inside, true);
  });
  test('by day it is the next one, not begun', async () => {
    const found = await findWindow({ ...night, at: '2026-11-22T12:00:00Z' });
    assert.equal(found.inside, false);
    assert.equal(found.beginAt, '2026-11-22T19:00:00.000Z');
  });
  test('its begin belongs to it, its end does not', async () => {
    assert.equal((await findWindow({ ...night, at: '2026-11-21T19:00:00Z' })).inside, true);
    assert.equal((await findWindow({ ...night, at: '2026-11-22T07:00:00Z' })).inside, false);
  });
  test('has 11 hours when the clocks go forward and 13 when they go back', async () => {
    assert.equal((await findWindow({ ...night, at: '2026-03-28T20:00:00Z' })).lengthHours, 11);
    assert.equal((await findWindow({ ...night, at: '2026-10-24T20:00:00Z' })).lengthHours, 13);
  });
  test('within one day', async () => {
    const found = await findWindow({ begin: '01:00', end: '05:00', zone: 'UTC', at: '2026-01-01T06:00:00Z' });
    assert.equal(found.beginAt, '2026-01-02T01:00:00.000Z');
  });
});

describe('the next local time', () => {
  test('today when it is still to come, else tomorrow', async () => {
    assert.equal(
      (await findLocalTime({ time: '00:00', zone: 'Europe/Paris', from: '2026-11-21T20:00:00Z' })).at,
      '2026-11-21T23:00:00.000Z',
    );
    assert.equal(
      (await findLocalTime({ time: '00:00', zone: 'Europe/Paris', from: '2026-11-21T23:00:00Z' })).at,
      '2026-11-21T23:00:00.000Z',
    );
    assert.equal(
      (await findLocalTime({ time: '20:00', zone: 'Europe/Paris', from: '2026-11-21T19:00:01Z' })).at,
      '2026-11-22T19:00:00.000Z',
    );
  });
  test('a time that the clocks skip is the instant they jump to', async () => {
    assert.equal(
      (await findLocalTime({ time: '02:30', zone: 'Europe/Paris', from: '2026-03-29T00:00:00Z' })).at,
      '2026-03-29T01:30:00.000Z',
    );
  });
});
