import { startStandIn, type PixStandIn, type StandInPlace } from './standInServer.ts';

export interface MetricsFaults {
  /** Processor use that the pages tell, per cent. Default 10. */
  busyPercent?: number;
  /** Default 200. */
  status?: number;
  /** The value of the header Authorization that it wants. */
  token?: string;
  hangs?: boolean;
}

/** Of processor time per request of the counter page: so much time passes between two requests for it. */
const secondsPerRequest = 10;

/**
 * Stand-in for what tells a database machine's processor use: /metrics has a gauge and, as node_exporter, counters of seconds by mode that move with each
 * request; /api/v1/query answers as a Prometheus server does.
 */
export function startMetricsStandIn(place: StandInPlace = {}): Promise<PixStandIn<MetricsFaults>> {
  let [busy, idle] = [0, 0];
  return startStandIn<MetricsFaults>(
    ({ path, headers }, { busyPercent = 10, status = 200, token, hangs }) => {
      if (hangs) return 'never';
      if (token !== undefined && headers.authorization !== token) return { status: 401, body: { error: 'who are you?' } };
      if (path === '/api/v1/query')
        return {
          status,
          body: { status: 'success', data: { resultType: 'vector', result: [{ metric: {}, value: [0, String(busyPercent / 100)] }] } },
        };
      busy += (secondsPerRequest * busyPercent) / 100;
      idle += (secondsPerRequest * (100 - busyPercent)) / 100;
      const page = [
        '# HELP cpu_percent Processor use (stand-in).',
        '# TYPE cpu_percent gauge',
        `cpu_percent{instance="db-1",zone="a}b"} ${busyPercent}`,
        'cpu_percent{instance="db-2"} 1',
        'cpu_percent_max 99',
        ...[0, 1].flatMap((cpu) => [
          `node_cpu_seconds_total{cpu="${cpu}",mode="idle"} ${idle}`,
          `node_cpu_seconds_total{cpu="${cpu}",mode="user"} ${busy}`,
        ]),
      ];
      return { status, body: `${page.join('\n')}\n`, headers: { 'content-type': 'text/plain; version=0.0.4' } };
    },
    {},
    place,
  );
}
