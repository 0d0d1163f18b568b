import { cancellationSignal } from '@temporalio/activity';

import type { ResolveSecret } from '../hosts/host.ts';
import type { Connections } from '../postgres/connections.ts';
import { withHeartbeat } from '../tools/withHeartbeat.ts';
import { readBusyBackends } from './busyBackends.ts';
import type { LoadGuardActivities, LoadReading, LoadSource } from './loadGuard.contract.ts';
import { readMetric } from './metric.ts';
import { readResponseTime } from './responseTime.ts';
import { watchLoadOf } from './watchLoad.ts';

export function createLoadGuardActivities({
  connections,
  resolveSecret,
}: {
  connections: Connections;
  resolveSecret: ResolveSecret;
}): LoadGuardActivities {
  const read = (source: LoadSource, signal: AbortSignal): Promise<LoadReading> => {
    switch (source.kind) {
      case 'metric':
        return readMetric(source, { resolveSecret, signal });
      case 'responseTime':
        return readResponseTime(source, signal);
      case 'busyBackends':
        return readBusyBackends(source, { connections, signal });
    }
  };
  return {
    async watchLoad(input) {
      let readings: LoadReading[] = [];
      const signal = cancellationSignal();
      return withHeartbeat(
        () => ({ readings: readings.map(({ said }) => said) }),
        () => watchLoadOf(input, { signal, read: (source) => read(source, signal), onRound: (round) => (readings = round) }),
      );
    },
  };
}
