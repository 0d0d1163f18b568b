import { DateTime } from 'luxon';

import type { ClockActivities } from './clock.contract.ts';

/** Local "HH:MM" on the day of `day`; luxon moves a time that the clocks skip forward by the jump, and takes the first of two. */
function localTime(day: DateTime, time: string): DateTime {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return day.set({ hour, minute, second: 0, millisecond: 0 });
}

function iso(instant: DateTime): string {
  return instant.toUTC().toJSDate().toISOString();
}

export function createClockActivities(): ClockActivities {
  return {
    async findWindow({ begin, end, zone, at }) {
      const now = DateTime.fromISO(at, { zone });
      // A window over midnight that holds `now` began yesterday or today; else the next one begins today or tomorrow.
      for (const dayOffset of [-1, 0, 1]) {
        const day = now.startOf('day').plus({ days: dayOffset });
        const beginAt = localTime(day, begin);
        const endAt = localTime(end > begin ? day : day.plus({ days: 1 }), end);
        if (now < endAt) {
          return { beginAt: iso(beginAt), endAt: iso(endAt), inside: now >= beginAt, lengthHours: endAt.diff(beginAt, 'hours').hours };
        }
      }
      throw new Error(`no window ${begin}-${end} ${zone} at or after ${at}`);
    },
    async findLocalTime({ time, zone, from }) {
      const start = DateTime.fromISO(from, { zone });
      const today = localTime(start.startOf('day'), time);
      return { at: iso(today >= start ? today : localTime(start.startOf('day').plus({ days: 1 }), time)) };
    },
  };
}
