/** One Grafana dashboard from a table of panels. The SDK knows Grafana's schema; no Grafana has shown the outcome. */
import { DashboardBuilder, DashboardLinkBuilder, DashboardLinkType, QueryVariableBuilder, RowBuilder, VariableRefresh, VariableSort } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** A PromQL expression, and what a line of it is called. */
export interface Query {
  readonly expr: string;
  readonly legend: string;
}

export interface PanelTable {
  readonly title: string;
  /** Of Grafana: s, bytes, Bps, percentunit, mlitre, d, short. */
  readonly unit: string;
  readonly queries: readonly Query[];
}

export interface DashboardTable {
  /** Name of its file and end of its address. */
  readonly name: string;
  readonly title: string;
  readonly rows: Readonly<Record<string, readonly PanelTable[]>>;
}

/** Of the provisioned data source. */
const DATA_SOURCE = { type: 'prometheus', uid: 'prometheus' };
const TAG = 'billcoin';
/** Three panels a row of Grafana's 24 columns. */
const PANEL_WIDTH = 8;
const PANEL_HEIGHT = 7;
const CHOSEN = '{instance=~"$instance"}';

const legendOf = (label: string | undefined, what = ''): string => `{{instance}}${label === undefined ? '' : ` {{${label}}}`}${what === '' ? '' : ` ${what}`}`;
const grouping = (...labels: readonly (string | undefined)[]): string => ['instance', ...labels.filter((label) => label !== undefined)].join(', ');

/** The value as it is. */
export function now(metric: string, what?: string, label?: string): Query {
  return { expr: `${metric}${CHOSEN}`, legend: legendOf(label, what) };
}

/** A second, over five minutes, by a label of the counter. */
export function perSecond(counter: string, label?: string, what?: string): Query {
  return { expr: `sum by (${grouping(label)}) (rate(${counter}${CHOSEN}[5m]))`, legend: legendOf(label, what) };
}

/** What 95 of 100 stay below, over five minutes. */
export function p95(histogram: string, label?: string): Query {
  return { expr: `histogram_quantile(0.95, sum by (${grouping(label, 'le')}) (rate(${histogram}_bucket${CHOSEN}[5m])))`, legend: legendOf(label, 'p95') };
}

/** Of a histogram over five minutes. */
export function mean(histogram: string): Query {
  return { expr: `rate(${histogram}_sum${CHOSEN}[5m]) / rate(${histogram}_count${CHOSEN}[5m])`, legend: legendOf(undefined, 'mean') };
}

function panel(id: number, { title, unit, queries }: PanelTable): PanelBuilder {
  const builder = new PanelBuilder().id(id).title(title).unit(unit).datasource(DATA_SOURCE).span(PANEL_WIDTH).height(PANEL_HEIGHT).axisSoftMin(0);
  for (const [i, { expr, legend }] of queries.entries()) builder.withTarget(new DataqueryBuilder().refId(String.fromCharCode('A'.charCodeAt(0) + i)).datasource(DATA_SOURCE).expr(expr).legendFormat(legend).range());
  return builder;
}

/** JSON of a dashboard, as Grafana's provisioning reads it. */
export function makeDashboard({ name, title, rows }: DashboardTable): string {
  const instances = new QueryVariableBuilder('instance').label('Node').datasource(DATA_SOURCE).query('label_values(up, instance)')
    .refresh(VariableRefresh.OnTimeRangeChanged).sort(VariableSort.AlphabeticalAsc).multi(true).includeAll(true).allValue('.*').current({ text: 'All', value: '$__all' });
  const others = new DashboardLinkBuilder('BillCoin').type(DashboardLinkType.Dashboards).tags([TAG]).keepTime(true).includeVars(true);
  const builder = new DashboardBuilder(title).uid(`${TAG}-${name}`).tags([TAG]).timezone('utc').refresh('30s').time({ from: 'now-6h', to: 'now' }).readonly().withVariable(instances).link(others);
  let id = 0;
  for (const [row, panels] of Object.entries(rows)) {
    builder.withRow(new RowBuilder(row).id(++id));
    for (const table of panels) builder.withPanel(panel(++id, table));
  }
  return `${JSON.stringify(builder.build(), undefined, 2)}\n`;
}
