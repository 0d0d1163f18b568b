import { startLcmsStandIn } from '../../../deploy/lab/pix/standIns/lcmsStandIn.ts';
import type { LearningContentRunReport } from '../../../workflows/pix/learningContent.contract.ts';
import type { Bench, Section } from '../bench.contract.ts';
import { openChain } from './pixChainBench.ts';

/** Learning content fetched, checked, loaded beside and taken into use. No peer: measured alone. */
export async function measureLearningContent(bench: Bench, { size }: { size: number }): Promise<Section> {
  const { lab, run } = await openChain(bench, 'content', { rows: 1_000 });
  const key = 'lcms-of-the-bench';
  const lcms = await startLcmsStandIn({ key, size });
  bench.atEnd(lcms.stop);
  await lab.setSecret('lcms-key', key);
  await lab.describeReplica('pix', { learningContent: { url: lcms.url, apiKey: 'lcms-key' } });
  const seconds: number[] = [];
  let items = 0;
  for (let round = 0; round <= bench.rounds; round += 1) {
    bench.signal.throwIfAborted();
    const report = await run<LearningContentRunReport>('pixLearningContent');
    items = Object.values(report.rows).reduce((sum, rows) => sum + rows, 0);
    bench.say(`${round === 0 ? 'warm-up' : `round ${round}`}: ${items} items in ${report.seconds} s`);
    if (round > 0) seconds.push(report.seconds);
  }
  return {
    title: `Learning content, ${items} items`,
    figures: [{ what: 'ours', unit: 's', values: seconds }],
    notes: ['a stand-in for the LCMS on loopback; eight tables with their indexes, the swap in one transaction, through Temporal'],
  };
}
