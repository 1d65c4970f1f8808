/** Names in PromQL: which series an expression reads, and by which labels. The grammar is Prometheus's own. */
import { parser } from '@prometheus-io/lezer-promql';

export interface Names {
  /** With the labels that are compared right there. */
  readonly selectors: readonly { readonly name: string; readonly labels: readonly string[]; readonly equal: readonly (readonly [string, string])[] }[];
  /** Of `by`, `on`, `group_left` and the like. */
  readonly groupedBy: readonly string[];
}

/** Throws where the expression is none, or reads series without naming them. */
export function namesOf(expr: string): Names {
  const selectors: { name: string; labels: string[]; equal: (readonly [string, string])[] }[] = [];
  const groupedBy: string[] = [];
  parser.parse(expr).iterate({
    enter({ type, node, from, to }) {
      if (type.isError) throw new Error(`at ${from} of ${expr}`);
      if (type.name === 'LabelName' && node.parent?.name === 'GroupingLabels') groupedBy.push(expr.slice(from, to));
      if (type.name !== 'VectorSelector') return;
      const identifier = node.getChild('Identifier');
      if (identifier === null) throw new Error(`a selector without a name in ${expr}`);
      const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher').map((matcher) => /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/s.exec(expr.slice(matcher.from, matcher.to))) ?? [];
      const parts = matchers.map((match) => match ?? []);
      selectors.push({
        name: expr.slice(identifier.from, identifier.to),
        labels: parts.map(([, label = '']) => label),
        equal: parts.filter(([,, operator]) => operator === '=').map(([, label = '',, value = '']) => [label, value] as const),
      });
    },
  });
  return { selectors, groupedBy };
}
