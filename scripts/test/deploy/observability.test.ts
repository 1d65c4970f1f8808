/**
 * What an operator watches with, held against what the nodes measure and log. promtool and amtool judge rules and routes;
 * no Grafana, Elasticsearch or Filebeat runs here.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { makeLog } from '@billcoin/node';
import { makeLog as makeOracleLog } from '@billcoin/oracle';
import { DASHBOARDS } from '../../src/generate/dashboards.ts';
import { findCommand } from '../../src/tidy/debianParts.ts';
import { namesOf } from './promQl.ts';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const root = resolve(import.meta.dirname, '../../..');
const path = process.env['PATH'] ?? '';
const [promtool, amtool] = [await findCommand('promtool', path), await findCommand('amtool', path)];
const file = (name: string): string => readFileSync(join(root, name), 'utf8');
const yaml = <T>(name: string): T => parse(file(name), { merge: true }) as T;

const rules = yaml<{ readonly groups: readonly { readonly rules: readonly Rule[] }[] }>('deploy/prometheus/rules.yml').groups.flatMap((group) => group.rules);
const alerts = rules.flatMap(({ alert }) => (alert === undefined ? [] : [alert]));
const panelExprs = DASHBOARDS.flatMap(({ rows }) => Object.values(rows).flat()).flatMap(({ queries }) => queries).map(({ expr }) => expr);
const exprs = [...rules.map(({ expr }) => expr), ...panelExprs];

/** Given by Prometheus to every series. */
const TARGET_LABELS = ['instance', 'job', 'role'];

/** Series and the labels they may have: those of docs/metrics.md, of our recorded rules, and Prometheus's own. */
function knownSeries(): ReadonlyMap<string, readonly string[]> {
  const known = new Map<string, readonly string[]>([['up', []], ['ALERTS', ['alertname', 'alertstate', 'severity']]]);
  for (const [, name = '', type = '', labels = ''] of file('docs/metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) \| /gm)) {
    const own = [...labels.matchAll(/\w+/g)].map(([label]) => label);
    if (type !== 'histogram') known.set(name, own);
    else for (const [end, more] of [['_bucket', ['le']], ['_sum', []], ['_count', []]] as const) known.set(name + end, [...own, ...more]);
  }
  for (const { record, expr } of rules) if (record !== undefined) known.set(record, namesOf(expr).groupedBy.filter((label) => label !== 'le'));
  return known;
}

t.test('every series and label of rules and dashboards exists', async (test) => {
  const known = knownSeries();
  const routes = Object.keys((JSON.parse(file('docs/openapi.json')) as { readonly paths: object }).paths);
  test.ok(known.size > 60, 'the table of metrics was read');
  for (const expr of exprs) {
    const { selectors, groupedBy } = namesOf(expr);
    for (const { name, labels, equal } of selectors) {
      const own = known.get(name);
      test.ok(own !== undefined, `${name} is measured`);
      for (const label of labels) test.ok([...TARGET_LABELS, ...own ?? []].includes(label), `${name} has ${label}`);
      for (const [label, value] of equal) if (label === 'route') test.ok(routes.includes(value), `${value} is a route`);
    }
    const any = [...TARGET_LABELS, ...selectors.flatMap(({ name }) => known.get(name) ?? [])];
    for (const label of groupedBy) test.ok(any.includes(label), `${label} is there to group by in ${expr}`);
  }
});

t.test('every metric that OPERATING.md speaks of exists', async (test) => {
  const known = knownSeries();
  const spoken = [...file('OPERATING.md').matchAll(/`((?:billcoin|mmu)_\w+|\w+_(?:total|seconds|ml|bytes|transactions))[`{]/g)].map(([, name = '']) => name);
  test.ok(spoken.length > 5);
  test.same(spoken.filter((name) => !known.has(name)), []);
});

t.test('names that drifted are seen', async (test) => {
  test.same(namesOf('sum by (route) (rate(a_total{status=~"5..", route="/x"}[5m])) > on (instance) group_left () b'), {
    selectors: [{ name: 'a_total', labels: ['status', 'route'], equal: [['route', '/x']] }, { name: 'b', labels: [], equal: [] }], groupedBy: ['route', 'instance'],
  });
  test.throws(() => namesOf('rate(a[5m]'), 'an unclosed bracket');
  test.throws(() => namesOf('{instance="a"}'), 'no name');
});

t.test('every metric of ours stands on a dashboard', async (test) => {
  const shown = new Set([...panelExprs, ...rules.flatMap(({ record, expr }) => (record === undefined ? [] : [expr]))].flatMap((expr) => namesOf(expr).selectors.map(({ name }) => name.replace(/_(bucket|sum|count)$/, ''))));
  const ours = [...file('docs/metrics.md').matchAll(/^\| `(\w+)` \| /gm)].map(([, name = '']) => name).filter((name) => !/^billcoin_(nodejs|process)_/.test(name));
  test.same(ours.filter((name) => !shown.has(name)), []);
});

t.test('every alert says how grave it is, has fired in the unit test, and has its line in OPERATING.md', async (test) => {
  for (const { alert, labels, annotations } of rules) if (alert !== undefined) test.match({ labels, annotations }, { labels: { severity: /^(critical|warning)$/ }, annotations: { summary: /./ } }, alert);
  const fired = [...file('deploy/prometheus/rules.unit.yml').matchAll(/alertname="(\w+)"\}', value: 1/g)].map(([, name]) => name);
  test.same(fired, alerts);
  const section = /\n### Alerts\n[^]*?\n##/.exec(file('OPERATING.md'))?.[0] ?? '';
  const told = [...section.matchAll(/^\| (.*?) \| .+ \| .+ \|$/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name));
  test.same([...told].sort(), [...alerts].sort());
});

t.test('promtool holds configuration, rules and expressions of panels to be right, and the rules fire as they should', { skip: promtool === undefined && 'promtool is missing' }, async (test) => {
  const run = (...args: readonly string[]): void => {
    const { status, stdout, stderr } = spawnSync(promtool ?? '', args, { cwd: join(root, 'deploy/prometheus'), encoding: 'utf8' });
    test.equal(status, 0, `${stdout}${stderr}`);
  };
  run('check', 'config', 'prometheus.yml');
  run('test', 'rules', 'rules.unit.yml');
  const panels = join(test.testdir(), 'panels.yml');
  writeFileSync(panels, stringify({ groups: [{ name: 'panels', rules: panelExprs.map((expr, i) => ({ record: `panel:${i}`, expr })) }] }));
  run('check', 'rules', panels);
});

t.test('amtool holds the routes of alerts to be right', { skip: amtool === undefined && 'amtool is missing' }, async (test) => {
  const config = join(root, 'deploy/alertmanager/alertmanager.yml');
  const { status, stderr } = spawnSync(amtool ?? '', ['check-config', config], { encoding: 'utf8' });
  test.equal(status, 0, stderr);
  const routed = spawnSync(amtool ?? '', ['config', 'routes', 'test', `--config.file=${config}`, 'severity=critical', 'alertname=ReserveGap'], { encoding: 'utf8' });
  test.equal(routed.stdout.trim(), 'slack');
});

interface Compose {
  readonly services: Readonly<Record<string, { readonly environment?: Readonly<Record<string, string>>; readonly volumes?: readonly string[]; readonly profiles?: readonly string[]; readonly networks?: readonly string[] }>>;
}

t.test('containers, addresses and files that the configurations name are there', async (test) => {
  const { services } = yaml<Compose>('docker-compose.yml');
  const watchers = Object.keys(services).filter((name) => services[name]?.profiles?.includes('observability') === true);
  test.same(watchers, ['prometheus', 'alertmanager', 'grafana', 'elasticsearch', 'kibana', 'filebeat']);
  const nodes = Object.keys(services).filter((name) => services[name]?.environment?.['BILLCOIN_METRICS_LISTEN'] === '0.0.0.0:9600').map((name) => `${name}:9600`);
  type Targets = { readonly job_name: string; readonly static_configs: readonly { readonly targets: readonly string[] }[] };
  const { alerting, scrape_configs: scraped } = yaml<{ readonly alerting: { readonly alertmanagers: readonly Omit<Targets, 'job_name'>[] }; readonly scrape_configs: readonly Targets[] }>('deploy/prometheus/prometheus.yml');
  const targets = (found: Omit<Targets, 'job_name'> | undefined): readonly string[] => found?.static_configs.flatMap((one) => one.targets) ?? [];
  test.same(targets(scraped.find((one) => one.job_name === 'billcoin')), nodes, 'every node is scraped where it listens');
  test.same(targets(scraped.find((one) => one.job_name === 'oracle')), ['oracle:8460']);
  test.same(['prometheus', 'oracle', 'api'].filter((name) => services[name]?.networks?.includes('watch') !== true), [], 'who is scraped is where the watchers are');
  test.same(targets(alerting.alertmanagers[0]), ['alertmanager:9093']);
  const [source] = yaml<{ readonly datasources: readonly { readonly uid: string; readonly url: string }[] }>('deploy/grafana/provisioning/datasources/prometheus.yml').datasources;
  test.equal(source?.url, 'http://prometheus:9090');
  const [provider] = yaml<{ readonly providers: readonly { readonly options: { readonly path: string } }[] }>('deploy/grafana/provisioning/dashboards/billcoin.yml').providers;
  test.ok(services['grafana']?.volumes?.includes(`./deploy/grafana/dashboards:${provider?.options.path ?? ''}:ro`));
  for (const { name } of DASHBOARDS) {
    const sources = [...file(`deploy/grafana/dashboards/${name}.json`).matchAll(/"uid": "(?!billcoin-)(\w+)"/g)].map(([, uid]) => uid);
    test.ok(sources.length > 1 && sources.every((uid) => uid === source?.uid), `${name} asks the provisioned data source`);
  }
  const template = yaml<Readonly<Record<string, unknown>>>('deploy/filebeat/filebeat.yml')['setup.template.json.path'];
  test.ok(services['filebeat']?.volumes?.includes(`./deploy/filebeat/logs-billcoin.json:${String(template)}:ro`));
});

/** Fields of the Elastic Common Schema 8.10 that we use, and their types there; `flattened` instead of objects of keywords. */
const ECS: Readonly<Record<string, string>> = {
  '@timestamp': 'date', 'ecs.version': 'keyword', 'message': 'match_only_text', 'labels': 'flattened', 'host.name': 'keyword', 'container.id': 'keyword',
  'log.level': 'keyword', 'log.logger': 'keyword', 'log.file.path': 'keyword', 'service.name': 'keyword', 'service.node.name': 'keyword',
  'error.type': 'keyword', 'error.code': 'keyword', 'error.message': 'match_only_text', 'error.stack_trace': 'wildcard',
};
/** Beside the schema: what an event says of itself, and where Filebeat is in its file. */
const OWN: Readonly<Record<string, string>> = { 'billcoin': 'flattened', 'log.offset': 'long' };

interface Mapping {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Mapping>>;
}

function typesOf({ properties = {} }: Mapping, above = ''): readonly (readonly [string, string])[] {
  return Object.entries(properties).flatMap(([name, field]) => (field.type === undefined ? typesOf(field, `${above}${name}.`) : [[above + name, field.type] as const]));
}

t.test('lines of node and oracle fit the index template, and the template fits the Elastic Common Schema', async (test) => {
  const { template } = JSON.parse(file('deploy/filebeat/logs-billcoin.json')) as { readonly template: { readonly mappings: Mapping } };
  const types = Object.fromEntries(typesOf(template.mappings));
  test.same(types, { ...ECS, ...OWN });
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const error = Object.assign(new Error('outer', { cause: new Error('inner') }), { code: 'EIO' });
  const log = makeLog({ level: 'debug', nodeName: 'n1', write });
  log.info({ height: 3, peer: { key: 'ab' } }, 'plain');
  log.child({ part: 'api', lane: 2 }).error({ error, route: '/a' }, 'failed');
  const oracle = makeOracleLog('debug', write);
  oracle.debug({ lot: 'ab' }, 'plain');
  oracle.error({ err: error, alarm: 'fork' }, 'failed');
  oracle.warn({ err: 'no error' }, 'failed');
  test.equal(lines.length, 5);
  for (const line of lines) {
    const fields = Object.entries(JSON.parse(line) as Readonly<Record<string, unknown>>);
    test.match(Object.fromEntries(fields), { '@timestamp': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'ecs.version': '8.10.0', 'log.level': /^(debug|info|warn|error)$/, 'message': /./, 'service.name': /^billcoin/ });
    for (const [name, value] of fields) {
      test.ok(name in types, `${name} has its type`);
      test.equal(typeof value, types[name] === 'flattened' ? 'object' : 'string', name);
    }
  }
  test.match(JSON.parse(lines[3] ?? ''), { 'error.type': 'Error', 'error.message': 'outer: inner', 'error.stack_trace': /inner/, 'billcoin': { alarm: 'fork' } });
});
