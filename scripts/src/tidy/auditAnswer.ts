/** Tells a clean audit from a weak one and from no audit at all. */

/** `unanswered` means the registry did not audit, so nothing is known. */
export type AuditAnswer = { outcome: 'clean' | 'weak' | 'unanswered'; message: string };

type AuditJson = {
  error?: { code?: string; summary?: string };
  message?: string;
  statusCode?: number;
  metadata?: { vulnerabilities?: Record<string, number> };
};

/** Reads what `npm audit --json` printed. */
export function judgeAudit(stdout: string, stderr: string): AuditAnswer {
  const answer = parse(stdout);
  const counts = answer?.metadata?.vulnerabilities;
  if (counts === undefined) {
    const why = answer?.message ?? answer?.error?.summary ?? stderr.trim().split('\n').at(-1) ?? 'no answer';

    return { outcome: 'unanswered', message: `NOT AUDITED: the registry did not answer the audit (${why}). Run it where the registry answers.` };
  }
  const found = Object.entries(counts).filter(([level, count]) => level !== 'total' && count > 0);
  if (found.length === 0) return { outcome: 'clean', message: 'no known weaknesses in the shipped dependencies' };

  return { outcome: 'weak', message: `known weaknesses: ${found.map(([level, count]) => `${count} ${level}`).join(', ')}. See npm audit --omit=dev` };
}

function parse(text: string): AuditJson | undefined {
  try {
    return JSON.parse(text) as AuditJson;
  } catch {
    return undefined;
  }
}
