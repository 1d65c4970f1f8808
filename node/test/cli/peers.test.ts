/** Peers and addresses as operators write them. */
import t from 'tap';
import { ConfigError, makeConfig } from '../../src/config.ts';
import { parseHostPort, parsePeers, PEERS_MAX } from '../../src/peerAddress.ts';

const key = (byte: string): string => byte.repeat(32);

void t.test('addresses', async (test) => {
  test.same(parseHostPort('127.0.0.1:9000'), { host: '127.0.0.1', port: 9_000 });
  test.same(parseHostPort('node.uni.example:1'), { host: 'node.uni.example', port: 1 });
  test.same(parseHostPort('[::1]:65535'), { host: '::1', port: 65_535 });
  for (const wrong of ['', 'host', 'host:', ':9000', 'host:65536', 'ho st:1', '::1:9000', 'host:-1']) test.equal(parseHostPort(wrong), undefined, wrong);
});

void t.test('lists of peers', async (test) => {
  test.same(parsePeers(` ${key('AA')}@10.0.0.1:9000, ${key('bb')} `), [{ key: key('aa'), at: { host: '10.0.0.1', port: 9_000 } }, { key: key('bb'), at: undefined }]);
  test.same(parsePeers(''), []);
  const tooMany = Array.from({ length: PEERS_MAX + 1 }, (_, i) => key(i.toString(16).padStart(2, '0'))).join(',');
  for (const wrong of ['abc', `${key('aa')}@host`, `${key('aa')}@host:0`, `${key('aa')}@a:1@b:2`, `${key('aa')},${key('AA')}@h:1`, tooMany]) test.equal(parsePeers(wrong), undefined, wrong.slice(0, 80));
  test.throws(() => makeConfig({ peers: 'nonsense' }, {}), ConfigError);
  test.same(makeConfig({}, { BILLCOIN_LISTEN: '0.0.0.0:9000' }).listen, { host: '0.0.0.0', port: 9_000 });
});
